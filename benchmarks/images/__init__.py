"""Benchmarks of networks for images, one module a table.

What training takes at most on two idle cores of a Xeon with AMX, from the processor time of single
steps:

    cifar        138 minutes   two networks of 69
    converting   150           33 for the network, 17 for a try, of which seven are expected
    teaching      40           three students of 4, three of 9 with their teacher
    mixing        75           three times 25: five kinds of 1 to 4, two ShuffleNets of 7
    all          403           6.7 hours

The others train for seconds (training_speed, latency) or not at all (imagenette, shufflenet,
frontier, shuffle). A training goes on where it was stopped or killed, at the loss of four minutes
at most; in sittings, with teaching after converting, each as often as it takes:

    timeout -s INT 100m python -m benchmarks.images.mixing
"""

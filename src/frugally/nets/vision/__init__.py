"""Networks for images, as graphs of layers: counted, drawn, exported and run without torch."""

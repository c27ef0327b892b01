"""What part of the data can be processed."""

import pytest

from frugally.errors import NetError, UsageError
from frugally.nets.vision.ceilings import _product_network
from frugally.nets.vision.image_classifier import Input, save_image_classifier
from frugally.plan.scenario import load
from frugally.plan.share import Model, find_model, relative_cost, share, speed_of
from frugally.plan.units import flow, machines

ESSAY, MEASURED = load("essay"), load("measured")
LARGE, SMALL = find_model("resnet-50"), find_model("shufflenet-0.5x-g3")


def asked(rate, have, scenario=MEASURED, model=LARGE, stride=5, keep=0.01):
    return share(flow(rate), model, machines(have), scenario, small=SMALL, stride=stride, keep=keep)


def test_sifting_costs_c_over_k_plus_p():
    """ShuffleNet 0.5x on every fifth frame, ResNet-50 on one in a hundred: 84 times cheaper."""
    assert relative_cost(38, 4100, 5, 0.01) == pytest.approx(0.0119, abs=5e-5)
    assert 1 / relative_cost(SMALL.macs, LARGE.macs, 5, 0.01) == pytest.approx(84, abs=0.5)
    # The share that is kept is what limits it: a network that costs nothing is little better.
    assert 1 / relative_cost(0, LARGE.macs, 5, 0.01) == pytest.approx(100)


def test_all_of_youtube():
    found = asked("800 h/min", "4 gpu", ESSAY)
    assert found.frames == 1_440_000
    assert found.share == pytest.approx(4 * 468.66 / 1_440_000, rel=1e-3)
    assert found.machines == pytest.approx(3073, rel=1e-3)
    assert found.low <= found.share <= found.high
    first, later = found.years[0], found.years[2]
    assert first.kept == first.renewed == first.growing == found.share
    assert first.sifted == pytest.approx(found.share / found.relative)
    # Five years on: data x 2^2.5, GPUs x 2^(2/3 + 3/4), machines x 2.
    assert later.kept == pytest.approx(found.share / 2**2.5)
    assert later.renewed == pytest.approx(found.share / 2**2.5 * 2 ** (2 / 3 + 3 / 4))
    assert later.growing == pytest.approx(2 * later.renewed)


def test_enough_is_all_of_it():
    found = asked("20 images/s", "1 gpu")
    assert found.share == 1
    assert all(row.sifted == row.kept == 1 for row in found.years)
    assert found.as_dict()["sifting"]["share"] == 1


def test_a_cheaper_network_by_its_multiply_adds():
    by = speed_of(SMALL, machines("1 gpu"), MEASURED)
    assert by.value == pytest.approx(12_401 * 3.858e9 / SMALL.macs)
    assert "assumption" in by.how
    assert "assumption" not in speed_of(LARGE, machines("1 gpu"), MEASURED).how


def test_named_gpus():
    assert speed_of(LARGE, machines("2 v100"), MEASURED).value == pytest.approx(6764, rel=1e-3)
    assert speed_of(LARGE, machines("1 rtx-4090"), MEASURED).value == pytest.approx(8237, rel=1e-3)
    # Compiled or not: the interval holds both.
    both = speed_of(LARGE, machines("1 rtx4090"), MEASURED)
    assert (both.low, both.high) == (pytest.approx(4218, rel=1e-3), pytest.approx(8237, rel=1e-3))
    assert [line.name for line in both.used[1:]] == [
        "inference.rtx-4090", "inference.rtx-4090-eager",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="how fast"):
        speed_of(LARGE, machines("2 abacus"), MEASURED)
    with pytest.raises(UsageError, match="how fast") as refused:
        speed_of(LARGE, machines("2 v100"), ESSAY)
    assert "measured" in refused.value.hint


def test_a_named_gpu_is_of_its_own_year():
    """V100s of 2017.7, renewed in 2025, are faster by 7.3 years of doubling in 2.46."""
    first = asked("800 h/min", "4 v100").years[0]
    assert first.renewed == pytest.approx(first.kept * 2 ** (7.3 / 2.46))
    first = asked("800 h/min", "4 gpu").years[0]
    assert first.renewed == first.kept


def test_a_speed_of_another_year_is_told(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'based_on = "measured"\nclock.start = { value = 2040, unit = "year", source = "me" }'
    )
    mine = load(str(path))
    assert "taken as it is for 2040" in asked("800 h/min", "4 gpu", mine).notes[0]
    assert not asked("800 h/min", "4 v100", mine).notes
    assert not asked("800 h/min", "4 gpu").notes


def test_names_are_read_generously():
    for name in ("resnet50", "ResNet-50", "RESNET_50"):
        assert find_model(name) == LARGE
    for empty in ("", " "):
        with pytest.raises(UsageError, match="empty"):
            find_model(empty)


def test_this_machine():
    at_best = speed_of(SMALL, machines("1 core"), MEASURED)
    assert at_best.value > 1
    assert at_best.how.startswith("a bound")
    assert at_best.bound
    assert not speed_of(LARGE, machines("1 gpu"), MEASURED).bound
    assert speed_of(SMALL, machines("1 gpu"), MEASURED).bound
    for wrong in ("0.5 cores", "1000000 cores", "1e30 cores"):
        with pytest.raises(UsageError, match="this machine has"):
            speed_of(SMALL, machines(wrong), MEASURED)


def test_a_network_in_a_file_is_measured_here(tmp_path):
    path = tmp_path / "product.onnx"
    path.write_bytes(_product_network(64))
    model = find_model(str(path))
    assert model.macs == 64 * 64  # 64 rows, each a product with a matrix of 64 x 64
    found = speed_of(model, machines("1 core"), MEASURED)
    assert found.how.startswith("measured")
    assert found.value > 1
    path.write_bytes(b"nothing")
    with pytest.raises(NetError):
        find_model(str(path))
    with pytest.raises(NetError):
        find_model(str(tmp_path))
    with pytest.raises(UsageError, match="no network, folder"):
        find_model("nonsense")


def test_a_folder_of_an_image_classifier(tmp_path):
    card = {"budget": {}, "scores": {}}
    save_image_classifier(
        tmp_path, _product_network(64), ["a", "b"], Input(height=8, width=8), 1234, card
    )
    model = find_model(str(tmp_path))
    assert model.macs == 1234
    assert speed_of(model, machines("1 core"), MEASURED).how.startswith("measured")
    assert speed_of(model, machines("1 gpu"), MEASURED).value == pytest.approx(
        12_401 * 3.858e9 / 1234
    )


def test_numbers_out_of_range():
    with pytest.raises(UsageError, match="range"):
        asked("1e99 h/s", "1 gpu")
    with pytest.raises(UsageError, match="range"):
        asked("1 h/s", "1e99 gpu")
    tiny = asked("1e-90 images/s", "1 gpu", model=Model(name="one", macs=1))
    assert tiny.share == 1

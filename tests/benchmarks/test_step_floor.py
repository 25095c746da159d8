"""The floor of a step runs the convolutions that a step runs, and counts what they compute."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ganblocks import GENERATORS, Objective, PairedTranslation, PatchDiscriminator, Updater

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from plain_pix2pix import PlainTraining, PlainUNet, plain_patchgan
from roofline import Peak, device_peak, flops, known_peak, multiplied, roofline_rows, state_bytes
from step_floor import LAYOUTS, convolutions_called, convolutions_of_step, floor

CPU = torch.device("cpu")
BASE, DOWNS, SIZE = 4, 6, 64


def images(size=SIZE):
    return (torch.rand(2, 1, 3, size, size) * 2 - 1).unbind()


def plain_networks():
    return PlainUNet(BASE, DOWNS), plain_patchgan(BASE)


def our_networks():
    generator = GENERATORS.build("unet_256_lua", base_channels=BASE, num_downs=DOWNS)
    return generator, PatchDiscriminator(6, base_channels=BASE)


def counted(run):
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def test_full_size_step_computes_what_was_counted_elsewhere():
    with torch.device("meta"):
        networks = PlainUNet(64, 8), plain_patchgan(64)
        calls = convolutions_of_step(*networks, *images(256))
    assert flops(calls) == pytest.approx(86.9e9, rel=1e-3)
    assert len(calls) == 16 + 3 * 5
    parameters = 54_413_955 - 3 + 2_768_705  # without the bias of the last deconvolution
    assert state_bytes(*networks) == 2 * 4 * 4 * parameters


def test_plain_script_and_ours_have_the_same_convolutions():
    plain, ours = (
        [
            (c.input_shape, c.output_shape, c.module.weight.shape, c.transposed, c.gradients)
            for c in convolutions_of_step(*networks, *images())
        ]
        for networks in (plain_networks(), our_networks())
    )
    assert plain == ours


def test_count_is_that_of_our_step():
    networks = our_networks()
    source, target = images()
    expected = flops(convolutions_of_step(*networks, source, target))
    objective = Objective({"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}})
    updater = Updater(PairedTranslation(*networks, objective))
    batch = {"source": source, "target": target}
    updater.step(batch)  # the first one also looks for terms without a gradient
    assert counted(lambda: updater.step(batch)) == expected


def test_plain_script_also_computes_gradients_of_weights_that_it_throws_away():
    training = PlainTraining(BASE, DOWNS, CPU)
    source, target = images()
    calls = convolutions_of_step(training.g, training.d, source, target)
    with convolutions_called(training.d) as once, torch.no_grad():
        training.d(torch.cat((source, target), 1))
    thrown_away = sum(2 * multiplied(call) for call in once)
    assert counted(lambda: training.step(source, target)) == flops(calls) + thrown_away


def test_gradients_are_those_that_a_step_needs():
    generator, discriminator = plain_networks()
    calls = convolutions_of_step(generator, discriminator, *images())
    assert all(p.requires_grad for p in discriminator.parameters())
    of_generator, real, fake, frozen = calls[: 2 * DOWNS], calls[-15:-10], calls[-10:-5], calls[-5:]
    assert [c.gradients[:2] for c in of_generator] == [(False, True)] + [(True, True)] * 11
    for half in (real, fake):
        assert [c.gradients[:2] for c in half] == [(False, True)] + [(True, True)] * 4
        assert [c.gradients[2] for c in half] == [True, False, False, False, True]
    assert [c.gradients for c in frozen] == [(True, False, False)] * 5


@settings(deadline=None, max_examples=20)
@given(
    transposed=st.booleans(),
    batch=st.integers(1, 3),
    channels=st.integers(1, 4),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 2),
    bias=st.booleans(),
    into_image=st.booleans(),
)
def test_floor_runs_what_is_counted(transposed, batch, channels, kernel, stride, bias, into_image):
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    module = kind(channels, 2, kernel, stride, 1, bias=bias)
    with convolutions_called(module) as calls:
        module(torch.rand(batch, channels, 9, 8, requires_grad=into_image))
    for memory_format in LAYOUTS.values():
        run = floor(calls, torch.float32, memory_format, CPU)
        assert counted(run) == flops(calls) > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("memory_format", LAYOUTS.values())
def test_floor_runs_a_whole_step_in_each_type_and_layout(dtype, memory_format):
    calls = convolutions_of_step(*plain_networks(), *images())
    run = floor(calls, dtype, memory_format, CPU)
    assert counted(run) == flops(calls)


def test_hooks_are_gone_afterwards():
    module = nn.Conv2d(1, 1, 1)
    with convolutions_called(module) as calls:
        module(torch.zeros(1, 1, 2, 2))
    module(torch.zeros(1, 1, 2, 2))
    assert len(calls) == 1


def test_known_peaks_tell_apart_devices_of_one_family():
    by_name = {
        "NVIDIA H100 80GB HBM3": 3.35e12,
        "NVIDIA H100 PCIe": 2.0e12,
        "NVIDIA H200": 4.8e12,
        "NVIDIA A100-SXM4-40GB": 1.555e12,
        "NVIDIA A100-SXM4-80GB": 2.039e12,
    }
    assert {name: known_peak(name).bandwidth for name in by_name} == by_name
    assert known_peak("a device of tomorrow") is None


def test_shares_of_a_peak():
    peak = device_peak(CPU, [2.0, 1.0, 50.0])
    assert peak == Peak(2e12, 1e12, 50e9)
    (fp32, bf16) = roofline_rows({"fp32": 0.5, "bf16": 0.5}, int(1e11), int(1e10), peak)
    # 0.2 TFLOP/s of 1 and of 2; 20 GB/s of 50, which takes the longer time, 0.2 s.
    assert fp32 == ("fp32", "0.2", "20.0%", "20", "40.0%", "200")
    assert bf16 == ("bf16", "0.2", "10.0%", "20", "40.0%", "200")
    assert device_peak(CPU, None) is None

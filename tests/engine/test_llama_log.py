"""Where a model really is, read from llama.cpp's log."""

from __future__ import annotations

from modechat.domain.placement import Placement, WhyCPU
from modechat.engine.llama_log import read_load

VULKAN = """
load_tensors: offloading output layer to GPU
load_tensors: offloading 9 repeating layers to GPU
load_tensors: offloaded 10/31 layers to GPU
load_tensors:   CPU_Mapped model buffer size =    92.10 MiB
load_tensors:      Vulkan0 model buffer size =    47.71 MiB
llama_context: Vulkan_Host  output buffer size =     0.75 MiB
llama_kv_cache:        CPU KV buffer size =   126.00 MiB
llama_kv_cache:    Vulkan0 KV buffer size =    54.00 MiB
resolve_fused_ops: Flash Attention enabled
sched_reserve:    Vulkan0 compute buffer size =    20.70 MiB
sched_reserve:    Vulkan0 compute buffer size =    21.70 MiB
sched_reserve: Vulkan_Host compute buffer size =    10.26 MiB
""".splitlines()
TWO_GPUS = """
load_tensors: offloaded 81/81 layers to GPU
load_tensors:        CUDA0 model buffer size = 21000.00 MiB
load_tensors:        CUDA1 model buffer size = 19000.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =  640.00 MiB
llama_kv_cache:      CUDA1 KV buffer size =  640.00 MiB
resolve_fused_ops: Flash Attention not supported, set to disabled
""".splitlines()


def test_the_badge_says_how_many_layers_are_on_the_gpu_and_how_much_they_take() -> None:
    placement = read_load(VULKAN, ["Vulkan0"], flash_attention=True)
    assert placement.gpu_bytes == int((47.71 + 54 + 21.7) * (1 << 20))
    assert (placement.n_gpu_layers, placement.n_layers) == (10, 31)
    assert str(Placement(10, 31, placement.gpu_bytes)) == "GPU 10/31 · 129 MB"
    assert placement.flash_attention


def test_several_gpus_are_counted_together() -> None:
    placement = read_load(TWO_GPUS, ["CUDA0", "CUDA1"], flash_attention=True)
    assert str(Placement(81, 81, placement.gpu_bytes)) == "GPU 81/81 · 43.3 GB"
    assert not placement.flash_attention


def test_without_layers_on_a_gpu_the_badge_says_why() -> None:
    report = read_load(["load_tensors: offloaded 0/31 layers to GPU"], [], flash_attention=True)
    assert report.n_gpu_layers == 0
    assert str(Placement(why_cpu=WhyCPU.NO_SUPPORT)) == "CPU: this build has no GPU support"
    assert str(Placement()) == Placement(why_cpu=WhyCPU.NO_GPU).badge == "CPU"

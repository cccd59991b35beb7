"""Where a model really is, read from llama.cpp's log."""

from __future__ import annotations

from modechat.engine.worker.loading.placement import read_placement

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
    placement = read_placement(VULKAN, ["Vulkan0"], flash_attention=True)
    assert placement.gpu_bytes == int((47.71 + 54 + 21.7) * (1 << 20))
    assert placement.badge("") == "GPU 10/31 · 123 MiB"
    assert placement.flash_attention


def test_several_gpus_are_counted_together() -> None:
    placement = read_placement(TWO_GPUS, ["CUDA0", "CUDA1"], flash_attention=True)
    assert placement.badge("") == "GPU 81/81 · 40.3 GiB"
    assert not placement.flash_attention


def test_without_layers_on_a_gpu_the_badge_says_why() -> None:
    placement = read_placement(
        ["load_tensors: offloaded 0/31 layers to GPU"], [], flash_attention=True
    )
    assert placement.badge("this build has no GPU support") == "CPU: this build has no GPU support"
    assert placement.badge("") == "CPU"

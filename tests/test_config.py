"""The config file: every option is documented, and whatever is wrong is named with file, line and
key.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from modechat.config import ChatConfig, Config, InstructConfig, InterfaceConfig, load_config
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Adapter
from modechat.errors import ConfigError
from modechat.field_docs import field_docs
from tests.generate_docs import options


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(file: Path, text: str) -> Config:
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def error_of(file: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        load(file, text)
    return raised.value


# What it says


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    config = load_config(tmp_path / "nowhere" / "config.toml")
    assert config == Config()
    assert config.model is None
    assert config.sampling == Sampling()
    assert (config.chat.system_prompt, config.instruct.system_prompt) == ("", "")
    assert config.interface.resume


@pytest.mark.parametrize(
    "text", ["", "\n# nothing\n", "[sampling]\n", "[chat]\n[instruct]\n[interface]\n"]
)
def test_a_file_that_sets_nothing_gives_the_defaults(file: Path, text: str) -> None:
    assert load(file, text) == Config()


def test_every_option_can_be_set(file: Path) -> None:
    config = load(
        file,
        """
        model = "/models/x.gguf"
        model_folders = ["/models", "more"]
        n_ctx = 8192
        n_gpu_layers = 0
        devices = ["CUDA1", "CUDA0"]
        kv_type = "q8_0"
        flash_attention = "on"
        mmap = false
        mlock = true
        cpu_extras = "off"
        n_threads = 2
        lora = ["/loras/tone.gguf:0.5"]
        draft = "/models/small.gguf"
        speculate = false
        thinking = false
        unload_after_minutes = 2.5
        keep_evaluated = false
        kept_gib = 0.5
        [sampling]
        temperature = 0.2
        top_k = 20
        top_p = 0.9
        min_p = 0
        repeat_penalty = 1.1
        seed = 7
        max_tokens = 100
        stop = ["END"]
        [chat]
        system_prompt = "Be brief."
        lora = ["/loras/chat.gguf"]
        [instruct]
        system_prompt = "Be exact."
        lora = ["/loras/a:b.gguf", "/loras/tone.gguf:2"]
        [interface]
        theme = "nord"
        resume = false
        spacing = "compact"
        reduced_motion = true
        [keys]
        stop = "ctrl+x"
        """,
    )
    assert config == Config(
        model=Path("/models/x.gguf"),
        model_folders=(Path("/models"), file.parent / "more"),
        n_ctx=8192,
        n_gpu_layers=0,
        devices=("CUDA1", "CUDA0"),
        kv_type="q8_0",
        flash_attention="on",
        mmap=False,
        mlock=True,
        cpu_extras="off",
        n_threads=2,
        lora=(Adapter(path="/loras/tone.gguf", scale=0.5),),
        draft=Path("/models/small.gguf"),
        speculate=False,
        thinking=False,
        unload_after_minutes=2.5,
        keep_evaluated=False,
        kept_gib=0.5,
        sampling=Sampling(
            temperature=0.2,
            top_k=20,
            top_p=0.9,
            min_p=0,
            repeat_penalty=1.1,
            seed=7,
            max_tokens=100,
            stop=("END",),
        ),
        chat=ChatConfig(system_prompt="Be brief.", lora=(Adapter(path="/loras/chat.gguf"),)),
        instruct=InstructConfig(
            system_prompt="Be exact.",
            lora=(Adapter(path="/loras/a:b.gguf"), Adapter(path="/loras/tone.gguf", scale=2)),
        ),
        interface=InterfaceConfig(
            theme="nord", resume=False, spacing="compact", reduced_motion=True
        ),
        keys={"stop": "ctrl+x"},
    )
    unset = Config().model_dump()
    assert {name for name, value in config.model_dump().items() if value == unset[name]} == set()


@pytest.mark.parametrize("name", options())
def test_every_option_is_documented(name: str) -> None:
    assert options()[name]


def test_the_models_path_counts_from_the_config_files_folder(file: Path) -> None:
    assert load(file, 'model = "models/x.gguf"').model == file.parent / "models" / "x.gguf"
    assert load(file, 'model = "/models/x.gguf"').model == Path("/models/x.gguf")


def test_adapters_and_the_draft_model_count_from_there_too(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    config = load(file, 'lora = ["x.gguf:2"]\ndraft = "~/d.gguf"\n[chat]\nlora = ["~/c.gguf"]\n')
    assert config.lora == (Adapter(path=str(file.parent / "x.gguf"), scale=2),)
    assert config.chat.lora == (Adapter(path="/home/ada/c.gguf"),)
    assert config.draft == Path("/home/ada/d.gguf")


def test_a_home_folder_that_is_not_there_is_named_with_its_line(file: Path) -> None:
    error = error_of(file, '\n[chat]\nlora = ["~nobody-of-that-name/c.gguf"]\n')
    assert "line 3: chat.lora: there is no home folder for ~nobody-of-that-name" in error.title


def test_what_guessing_may_be_is_told(file: Path) -> None:
    assert load(file, 'speculate = "always"').speculate == "always"
    error = error_of(file, 'n_ctx = 512\nspeculate = "never"\n\n')
    assert "line 2: speculate: input should be True, False or 'always', not 'never'" in error.title


@pytest.mark.parametrize("value", ["[1]", '[""]', "[[]]"])
def test_an_adapter_is_a_file(file: Path, value: str) -> None:
    error = error_of(file, f"lora = {value}\n")
    assert "line 1: lora.0: this must be a text, FILE or FILE:SCALE" in error.title


def test_a_tilde_is_the_home_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert load(file, 'model = "~/x.gguf"').model == Path("/home/ada/x.gguf")


def test_a_byte_order_mark_is_no_mistake(file: Path) -> None:
    assert load(file, "\ufeffn_ctx = 512\r\nn_threads = 1\r\n") == Config(n_ctx=512, n_threads=1)


# What is wrong


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ('n_ctx = "many"', 1, "n_ctx"),
        ("# comment\n\nn_ctx = 1", 3, "n_ctx"),
        ("model = 5", 1, "model"),
        ("n_threads = 0", 1, "n_threads"),
        ("n_gpu_layers = -1", 1, "n_gpu_layers"),
        ('kv_type = "q3_0"', 1, "kv_type"),
        ('flash_attention = "maybe"', 1, "flash_attention"),
        ('mmap = "yes"', 1, "mmap"),
        ("mlock = 1", 1, "mlock"),
        ("sampling = 5", 1, "sampling"),
        ("[sampling]\ntop_k = 1\ntemperature = 99", 3, "sampling.temperature"),
        ("[sampling]\ntemperature = nan", 2, "sampling.temperature"),
        ("n_ctx = 512\n\n[ sampling ]\n\ttop_p = 0", 4, "sampling.top_p"),
        ("[chat]\nsystem_prompt = 'x'\n[instruct]\nsystem_prompt = 1", 4, "instruct.system_prompt"),
        (
            "n_ctx = 512\nsampling.top_k = 1\nsampling.seed = -1\nsampling.min_p = 0",
            3,
            "sampling.seed",
        ),
        ("n_ctx = 512\nsampling . 'seed' = -1", 2, "sampling.seed"),
        ("n_ctx = 512\n\"n_threads\" = 'x'", 2, "n_threads"),
        ("\nsampling = { top_k = 1, seed = -1 }", 2, "sampling.seed"),
        ("[sampling]\nstop = [\n  'a',\n  5,\n]\nseed = 1", 2, "sampling.stop.1"),
        ("[sampling]\nstop = 'END'", 2, "sampling.stop"),
        ("[interface]\nresume = 'perhaps'", 2, "interface.resume"),
        (
            "[chat]\nsystem_prompt = '''\n[sampling]\nseed = -1\n'''\n[sampling]\nseed = -2",
            7,
            "sampling.seed",
        ),
        (
            "[sampling]\nstop = ['''\n[interface]''', '''\ntheme = 1\n''']\n[interface]\ntheme = 1",
            7,
            "interface.theme",
        ),
        ("n_ctx = 512\r\nn_threads = 0\r\n", 2, "n_threads"),
    ],
)
def test_a_wrong_value_is_named_with_file_line_and_key(
    file: Path, text: str, line: int, key: str
) -> None:
    error = error_of(file, text)
    assert error.title.startswith(f"{file}, line {line}: {key}: ")
    assert error.exit_code == 3


def test_the_message_says_what_is_wrong_and_what_the_option_means(file: Path) -> None:
    error = error_of(file, "[sampling]\ntop_k = -3")
    assert error.title.endswith(
        "sampling.top_k: input should be greater than or equal to 0, not -3"
    )
    assert error.hint == field_docs(Sampling)["top_k"]


def test_the_paragraphs_of_an_option_are_one_line() -> None:
    class Section(BaseModel):
        field: int
        """One line,
        and another.

        A paragraph.
        """

    assert field_docs(Section) == {"field": "One line, and another. A paragraph."}


@pytest.mark.parametrize(
    ("text", "line", "key", "suggestion"),
    [
        ("n_ctxt = 512", 1, "n_ctxt", "n_ctx"),
        ("n_ctx = 512\n[sampling]\n\ntemprature = 1", 4, "sampling.temprature", "temperature"),
        ("n_ctx = 512\nsampling.topk = 1", 2, "sampling.topk", "top_k"),
        ("[interfaces]\ntheme = 'nord'", 1, "interfaces", "interface"),
        ("n_ctx = 512\n[smapling.x]\ny = 1", 2, "smapling", "sampling"),
        ("[[chats]]\n", 1, "chats", "chat"),
    ],
)
def test_an_unknown_option_is_named_with_the_one_that_was_meant(
    file: Path, text: str, line: int, key: str, suggestion: str
) -> None:
    error = error_of(file, text)
    assert error.title == f"{file}, line {line}: there is no option “{key}”"
    assert error.hint == f"Did you mean “{suggestion}”?"


def test_an_unknown_option_that_resembles_none_is_answered_with_all(file: Path) -> None:
    error = error_of(file, 'n_ctx = 512\n"x.y z" = 1')
    assert error.title == f"{file}, line 2: there is no option “x.y z”"
    assert error.hint == f"There are: {', '.join(Config.model_fields)}."


def test_several_mistakes_are_counted(file: Path) -> None:
    error = error_of(file, "n_ctx = 1\nn_threads = 0\n[sampling]\nheat = 1")
    assert "line 1: n_ctx" in error.title
    assert error.hint.endswith("(2 more after this one.)")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("n_ctx = ", 1),
        ("n_ctx = 512\nmodel = x.gguf", 2),
        ("n_ctx = 512\n[sampling\nseed = 1", 2),
        ("n_ctx = 512\nn_ctx = 513", 2),
        ("n_ctx = 512\n\n[sampling]\n[sampling]\n", 4),
        ("n_ctx = 512\nmodel = '''\nx", 3),
        ("n_ctx = 512\nmodel = 'C:\\x\ny'", 2),
        ("<html>", 1),
    ],
)
def test_what_is_not_toml_is_named_with_file_and_line(file: Path, text: str, line: int) -> None:
    error = error_of(file, text)
    assert error.title.startswith(f"{file}: this is not TOML: ")
    assert f"at line {line}," in error.title
    assert error.hint


def test_a_home_folder_that_does_not_exist_is_named(file: Path) -> None:
    error = error_of(file, 'n_ctx = 512\nmodel = "~no-such-user-here/x.gguf"')
    assert (
        error.title
        == f"{file}, line 2: model: there is no home folder for ~no-such-user-here/x.gguf"
    )


def test_a_file_that_is_no_text_is_named(file: Path) -> None:
    file.write_bytes(b"model = '\xff'")
    with pytest.raises(ConfigError, match="is not UTF-8 text") as raised:
        load_config(file)
    assert str(file) in raised.value.title


def test_a_folder_in_its_place_is_named(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigError, match="cannot be read") as raised:
        load_config(file)
    assert str(file) in raised.value.title


gaps = st.lists(st.sampled_from(["", "  ", "# seed = -1", "# [sampling]"]), max_size=4)
statements = st.lists(
    st.sampled_from(
        [
            "n_threads = 1",
            "model = '''\nseed = -1\n[sampling]'''",
            'chat.system_prompt = "[sampling] # seed = -1"',
        ]
    ),
    unique=True,
)


@given(gaps, statements, gaps)
def test_the_line_is_right_wherever_the_mistake_is(
    tmp_path_factory: pytest.TempPathFactory, start: list[str], good: list[str], gap: list[str]
) -> None:
    head = "\n".join([*start, *good, "[sampling]", *gap, ""])
    line = head.count("\n") + 1
    text = f"{head}seed = -1\n\ntop_k = 1"
    file = tmp_path_factory.getbasetemp() / "anywhere.toml"
    assert error_of(file, text).title.startswith(f"{file}, line {line}: sampling.seed: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = " + "[" * 50_000, "nested too deep"),
        ("n_ctx = " + "9" * 5_000, "cannot be read"),
        ("a = " + "{a=" * 3_000, "nested too deep"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_named(file: Path, text: str, reason: str) -> None:
    error = error_of(file, text)
    assert error.title.startswith(str(file))
    assert reason in error.title


def test_a_file_in_utf_16_is_read(file: Path) -> None:
    file.write_bytes("n_ctx = 512\r\n".encode("utf-16"))
    assert load_config(file).n_ctx == 512

"""What the user is told about a file that is no model to chat with."""

from __future__ import annotations

import os
import pickle
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from gguf import GGUFWriter

from modechat.domain.byte_sizes import shown_bytes
from modechat.errors import ModelError
from modechat.models.check import check_adapter_file, check_model_file
from tests.tiny_models import (
    write_bert,
    write_llama,
    write_lora,
    write_recurrent,
    write_t5,
    write_unknown_architecture,
)


def refused(path: Path) -> tuple[str, str]:
    with pytest.raises(ModelError) as caught:
        check_model_file(path)
    assert caught.value.exit_code == 4
    return caught.value.title, caught.value.hint


def vocabulary_only(path: Path) -> Path:
    writer = GGUFWriter(path, "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def without_architecture(path: Path) -> Path:
    data = write_unknown_architecture(path).read_bytes()
    path.write_bytes(data.replace(b"general.architecture", b"general.xrchitecture"))
    return path


def zip_archive(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"")
    return path


def bytes_of(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def control_vector(path: Path) -> Path:
    writer = GGUFWriter(path, "controlvector")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "control")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_an_adapter_is_known_by_its_header(tmp_path: Path) -> None:
    assert check_adapter_file(write_lora(tmp_path / "lora.gguf")).n_tensors == 4
    for write, reason in (
        (write_llama, "is not a LoRA adapter"),
        (control_vector, "of another kind (control)"),
    ):
        with pytest.raises(ModelError, match=re.escape(reason)) as caught:
            check_adapter_file(write(tmp_path / "other.gguf"))
        assert "LoRA" in caught.value.hint
    with pytest.raises(ModelError, match="no file"):
        check_adapter_file(tmp_path / "missing.gguf")


@pytest.mark.parametrize(
    "write", [write_llama, write_recurrent, write_t5, write_unknown_architecture]
)
def test_a_model_that_may_chat_passes(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    assert check_model_file(write(tmp_path / "model.gguf")).n_tensors


def test_the_first_part_of_a_split_model_passes_even_without_tensors(tmp_path: Path) -> None:
    path = tmp_path / "model-00001-of-00003.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_uint16("split.no", 0)
    writer.add_uint16("split.count", 3)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    assert check_model_file(path).n_tensors == 0


NOT_GGUF = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 98362432\n": (
        "Git LFS pointer",
        "git lfs pull",
    ),
    b"\n<!DOCTYPE html>\n<html><head>": ("a web page", "/resolve/"),
    b"<html lang=en>": ("a web page", "/resolve/"),
    pickle.dumps({"weight": 1}): ("a Python pickle", "look for one of this model"),
    struct.pack("<Q", 60) + b'{"__metadata__":{"format":"pt"}}': (
        "a safetensors file",
        "look for one of this model",
    ),
    b"tjgg\x03\0\0\0": ("older than GGUF", "look for one of this model"),
    b"\x1f\x8b\x08\0": ("a compressed archive", "Unpack"),
    b"\0" * 4096: ("a download that did not finish", "Download the file again"),
    b"Access to this model is restricted.": ("a text file", "read it"),
    bytes(range(128, 256)): ("not a GGUF file", "look for one of this model"),
    "Kein Zugriff für Gäste.".encode(): ("a text file", "read it"),
    b"GG": ("incomplete", "Download the file again"),
    b"": ("is empty", "Download the file again"),
}


@pytest.mark.parametrize("content", NOT_GGUF)
def test_a_file_of_another_kind_is_called_by_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    what, advice = NOT_GGUF[content]
    title, hint = refused(path)
    assert title.startswith("model.gguf is ")
    assert what in title
    assert advice in hint


def test_a_pytorch_archive_is_called_a_zip_archive(tmp_path: Path) -> None:
    assert "a ZIP archive" in refused(zip_archive(tmp_path / "pytorch_model.bin"))[0]


def test_a_missing_file_a_folder_and_an_impossible_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").touch()
    check = "Check the path and its spelling."
    for missing in (tmp_path / "none.gguf", tmp_path / "plain" / "none.gguf"):
        assert refused(missing) == (f"There is no file {missing}.", check)
    assert refused(tmp_path / "a\0b.gguf") == ("a␀b.gguf is not a possible file name.", check)
    assert refused(tmp_path / ("x" * 300))[0].endswith("cannot be read: File name too long.")
    assert refused(tmp_path / "folder") == (
        "folder is a folder, not a model file.",
        "Give a .gguf file inside it.",
    )
    assert refused(Path("/"))[0] == "/ is a folder, not a model file."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe")[0] == "pipe is a device, pipe or socket, not a model file."


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_a_file_without_read_permission_is_refused(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "secret.gguf")
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:  # The superuser may read everything: look with the eyes of "nobody".
            os.seteuid(65534)
        title, hint = refused(path)
    finally:
        os.seteuid(user)
    assert title == "secret.gguf cannot be read: permission denied."
    assert hint == "Give yourself read access to it."


def test_an_incomplete_download_tells_both_sizes(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    half, full = shown_bytes(len(whole) // 2), shown_bytes(len(whole))
    assert refused(path) == (
        f"model.gguf is incomplete: it has {half} of {full}.",
        "Download the file again.",
    )


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1_000, "1.00 kB"),
        (9_996, "10.0 kB"),
        (98_362_432, "98.4 MB"),
        (999_600_000, "1.00 GB"),
        (4_368_439_584, "4.37 GB"),
        (70_000_000_000, "70.0 GB"),
    ],
)
def test_sizes_are_written_as_download_pages_write_them(size: int, shown: str) -> None:
    assert shown_bytes(size) == shown


OTHER_MODELS: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "bert": (write_bert, "is an embedding model (bert)", "chat or instruct model"),
    "vocabulary": (vocabulary_only, "holds a vocabulary only", "chat or instruct model"),
    "no architecture": (
        without_architecture,
        "does not say what architecture",
        "Download the file again",
    ),
}


@pytest.mark.parametrize("kind", OTHER_MODELS)
def test_a_model_for_something_else_is_refused(tmp_path: Path, kind: str) -> None:
    write, what, advice = OTHER_MODELS[kind]
    title, hint = refused(write(tmp_path / "model.gguf"))
    assert what in title
    assert advice in hint


OTHER_METADATA: list[tuple[dict[str, str | int], str, str]] = [
    ({"general.type": "adapter"}, "is an adapter (LoRA)", "base model"),
    ({"general.type": "mmproj"}, "is a projector (mmproj)", "base model"),
    ({"general.type": "imatrix"}, "is an importance matrix", "chat or instruct"),
    ({"split.no": 1, "split.count": 3}, "is part 2 of 3 of a model", "the first part"),
    ({"llama.pooling_type": 3}, "is an embedding model", "chat or instruct"),
    ({"general.architecture": "clip"}, "is a projector (mmproj)", "base model"),
    (
        {"general.architecture": "nomic-bert"},
        "is an embedding model (nomic-bert)",
        "chat or instruct",
    ),
    ({"general.architecture": "t5encoder"}, "is an embedding model", "chat or instruct"),
    ({"general.architecture": "llada"}, "is a diffusion model", "chat or instruct"),
    ({"general.architecture": "wavtokenizer-dec"}, "is a model for speech", "chat or instruct"),
    ({"general.architecture": "eagle3"}, "is a draft model", "base model"),
]


@pytest.mark.parametrize(("metadata", "what", "advice"), OTHER_METADATA)
def test_metadata_that_tell_of_another_use_are_heeded(
    tmp_path: Path, metadata: dict[str, str | int], what: str, advice: str
) -> None:
    title, hint = refused(write_llama(tmp_path / "model.gguf", extra=metadata))
    assert what in title
    assert advice in hint


def test_a_model_without_pooling_is_no_embedding_model(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf", extra={"llama.pooling_type": 0})
    assert check_model_file(path).architecture == "llama"


def test_names_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    title, _ = refused(tmp_path / "a\x1b[2J\nb\u202e.gguf")
    assert title == f"There is no file {tmp_path}/a␛[2J b\N{REPLACEMENT CHARACTER}.gguf."
    assert (
        refused(tmp_path / os.fsdecode(b"\xff.gguf"))[0] == f"There is no file {tmp_path}/?.gguf."
    )

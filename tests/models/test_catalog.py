"""Finding the models of a machine: usual places, odd folders, hostile files."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from modechat.models.catalog import Looking, ModelFile, find_models
from modechat.models.places import Place, usual_places
from modechat.models.walk import candidates
from tests.tiny_models import write_llama


def found(*places: Place, known: tuple[tuple[str, Path], ...] = ()) -> list[ModelFile]:
    return [one for one in find_models(places, known) if isinstance(one, ModelFile)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def test_a_model_is_found_with_what_its_header_says(folder: Path) -> None:
    path = write_llama(folder / "tiny.Q4_K_M.gguf", n_ctx_train=4096)
    (model,) = found(Place("models", folder))
    assert (model.path, model.name, model.place) == (path, "tiny.Q4_K_M", "models")
    assert model.size_bytes == path.stat().st_size
    assert model.header is not None
    assert (model.header.n_ctx_train, model.header.has_chat_template) == (4096, True)
    assert model.needed_bytes > model.size_bytes


def test_folders_are_looked_into_down_to_their_depth(folder: Path) -> None:
    deep = folder / "a" / "b" / "c"
    deep.mkdir(parents=True)
    write_llama(deep / "deep.gguf")
    assert found(Place("models", folder, depth=2)) == []
    assert [model.name for model in found(Place("models", folder, depth=3))] == ["deep"]


def test_a_file_that_several_places_have_is_listed_once(folder: Path) -> None:
    path = write_llama(folder / "one.gguf")
    (folder / "link.gguf").symlink_to(path)
    models = found(Place("here", folder), Place("again", folder), known=(("in use", path),))
    assert [(model.name, model.place) for model in models] == [("one", "in use")]


def test_links_in_a_circle_end_the_search(folder: Path) -> None:
    write_llama(folder / "one.gguf")
    (folder / "self").symlink_to(folder)
    (folder / "loop.gguf").symlink_to(folder / "loop.gguf")
    assert [model.name for model in found(Place("models", folder, depth=50))] == ["one"]


def test_the_parts_of_a_split_model_are_one(folder: Path) -> None:
    for number in (1, 2, 3):
        write_llama(folder / f"big-{number:05}-of-00003.gguf")
    (model,) = found(Place("models", folder))
    assert (model.name, model.n_parts) == ("big", 3)
    assert model.path.name == "big-00001-of-00003.gguf"
    assert model.size_bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert model.header is not None
    (known,) = found(known=(("in use", model.path),))
    assert (known.name, known.size_bytes) == ("big", model.size_bytes)


def test_a_split_model_with_a_part_missing_is_broken(folder: Path) -> None:
    write_llama(folder / "big-00002-of-00003.gguf")
    write_llama(folder / "big-00003-of-00003.gguf")
    (model,) = found(Place("models", folder))
    assert model.header is None
    assert "only 2 of its 3 parts" in model.problem


@pytest.mark.parametrize(
    "name", ["big-0000{}-of-00002.GGUF", "big-0000{}-OF-00002.gguf", "big{}.gguf"]
)
def test_a_split_model_whose_names_llama_cpp_does_not_take_is_listed_with_the_reason(
    folder: Path, name: str
) -> None:
    for number in (1, 2):
        split = {"split.no": number - 1, "split.count": 2}
        write_llama(folder / name.format(number), extra=split)
    (model,) = found(Place("models", folder))
    assert model.path.name == name.format(1)
    assert model.problem == f"{model.path.name} is part 1 of 2 of a model, but not named like one."
    assert found(known=(("in use", model.path),)) == [replace(model, place="in use")]


def test_what_is_no_model_is_listed_with_the_reason(folder: Path) -> None:
    (folder / "empty.gguf").touch()
    (folder / "lfs.gguf").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (folder / "notes.txt").write_text("nothing")
    whole = write_llama(folder / "whole.gguf").read_bytes()
    (folder / "half.gguf").write_bytes(whole[: len(whole) // 2])
    models = {model.name: model for model in found(Place("models", folder))}
    assert set(models) == {"empty", "lfs", "half", "whole"}
    assert "empty" in models["empty"].problem
    assert "LFS" in models["lfs"].problem
    assert "incomplete" in models["half"].problem


def test_files_that_are_whole_but_cannot_chat_are_left_out(folder: Path) -> None:
    write_llama(folder / "adapter.gguf", extra={"general.type": "adapter"})
    write_llama(folder / "mmproj.gguf", extra={"general.type": "mmproj"})
    assert found(Place("models", folder)) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="folders cannot be closed here")
def test_a_folder_that_is_closed_is_passed_over(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir()
    write_llama(closed / "secret.gguf")
    write_llama(folder / "open.gguf")
    closed.chmod(0)
    try:
        assert [model.name for model in found(Place("models", folder))] == ["open"]
    finally:
        closed.chmod(0o700)


def test_what_vanishes_during_the_search_is_no_trouble(folder: Path) -> None:
    for name in ("a", "b", "c"):
        write_llama(folder / f"{name}.gguf")
    names = []
    for one in find_models([Place("models", folder)]):
        if isinstance(one, ModelFile):
            names.append(one.header is not None)
            for path in folder.iterdir():
                path.unlink()
    assert names == [True, False, False]


def test_a_pipe_is_not_opened(folder: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes here")
    os.mkfifo(folder / "pipe.gguf")
    assert found(Place("models", folder)) == []


def test_a_search_that_nobody_waits_for_ends(folder: Path) -> None:
    for number in range(5):
        write_llama(folder / f"{number}.gguf")
    seen: list[object] = []
    for one in find_models([Place("models", folder)], cancelled=lambda: len(seen) >= 2):
        seen.append(one)
    assert len(seen) == 2
    assert isinstance(seen[0], Looking)


def test_names_from_strangers_are_kept_as_they_are(folder: Path) -> None:
    write_llama(folder / "[@click=app.quit]x[]\x1b[31m\u202e.gguf")
    (model,) = found(Place("models", folder))
    assert model.name == "[@click=app.quit]x[]\x1b[31m\u202e"


def test_a_place_with_very_many_files_is_given_up_after_a_while(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modechat.models.walk._MOST_ENTRIES", 10)
    for number in range(40):
        (folder / f"{number}.gguf").touch()
    assert len(list(candidates(Place("models", folder), lambda: False))) == 10


@pytest.mark.parametrize(("most", "n_opened"), [(100, 2), (10, 1)], ids=["cancelled", "too many"])
def test_a_search_that_has_ended_opens_no_further_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, most: int, n_opened: int
) -> None:
    for number in range(10):
        (folder / str(number)).mkdir()
    opened: list[object] = []
    scandir = os.scandir

    def open_folder(path: Path) -> object:
        opened.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", open_folder)
    monkeypatch.setattr("modechat.models.walk._MOST_ENTRIES", most)
    list(candidates(Place("models", folder), lambda: len(opened) > 1))
    assert len(opened) == n_opened


# Ollama


def ollama(folder: Path, manifest: object, digest: str = "a" * 64) -> Path:
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    tags = folder / "manifests" / "registry.ollama.ai" / "library" / "llama3.2"
    tags.mkdir(parents=True, exist_ok=True)
    (tags / "3b").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return write_llama(folder / "blobs" / f"sha256-{digest}")


def layer(digest: object, kind: str = "application/vnd.ollama.image.model") -> dict[str, object]:
    return {"mediaType": kind, "digest": digest}


def test_models_of_ollama_are_called_as_its_manifests_say(tmp_path: Path) -> None:
    path = ollama(tmp_path, {"layers": [layer("sha256:b", "other"), layer("sha256:" + "a" * 64)]})
    (model,) = found(Place("Ollama", tmp_path, is_ollama=True))
    assert (model.name, model.path) == ("llama3.2:3b", path)


@pytest.mark.parametrize(
    "manifest",
    [
        "not json",
        "[]",
        {"layers": 5},
        {"layers": [5]},
        {"layers": []},
        {"layers": [layer("../../../etc/passwd")]},
        {"layers": [layer(None)]},
        "[" * 100_000,
    ],
)
def test_broken_manifests_of_ollama_are_passed_over(tmp_path: Path, manifest: object) -> None:
    ollama(tmp_path, manifest)
    assert found(Place("Ollama", tmp_path, is_ollama=True)) == []


# The places


def test_the_usual_places_follow_the_environment(tmp_path: Path) -> None:
    environment = {"HF_HOME": "/hf", "LLAMA_CACHE": "/llama", "OLLAMA_MODELS": "/ollama"}
    places = usual_places(tmp_path, environment, [Path("/mine")], Path("/else/where.gguf"))
    folders = {place.folder.as_posix(): place.name for place in places}
    assert folders["/hf/hub"] == "Hugging Face"
    assert folders["/llama"] == "llama.cpp"
    assert folders["/ollama"] == "Ollama"
    assert folders["/else"] == "beside the model"
    assert places[0] == Place("your folder", Path("/mine"), depth=6)


def test_the_home_folder_itself_is_not_searched_for_the_sake_of_a_model_in_it(
    tmp_path: Path,
) -> None:
    assert tmp_path not in {
        place.folder for place in usual_places(tmp_path, {}, (), tmp_path / "x.gguf")
    }

"""Makes every `ModelError` about a file that is missing, broken or no GGUF.

Names of files come from strangers too (downloads, archives), so they are made safe to show.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from pathlib import Path

from modechat.domain.byte_sizes import shown_bytes
from modechat.domain.text import sanitize_line
from modechat.errors import ModelError

AGAIN = "Download the file again."
_SEEK_GGUF = "modechat runs GGUF files: look for one of this model whose name ends in .gguf."

# Files that people have in place of a GGUF: how they begin, what they are, and what to do.
_FOREIGN: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    (
        (b"version https://git-lfs",),
        "a Git LFS pointer: a note that says where the model is, not the model",
        "Run `git lfs pull` in its folder, or download the file itself.",
    ),
    ((b"PK\x03\x04",), "a ZIP archive, perhaps a PyTorch checkpoint", _SEEK_GGUF),
    (
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        "a Python pickle, perhaps a PyTorch checkpoint",
        _SEEK_GGUF,
    ),
    (
        (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c"),
        "a compressed archive",
        "Unpack it first.",
    ),
    ((b"lmgg", b"fmgg", b"tjgg"), "in a GGML format that is older than GGUF", _SEEK_GGUF),
)


def shown_name(path: Path) -> str:
    """Return the file's name (for `/` or `..` the path), safe to show in one line."""
    return _shown(path.name or str(path))


def shown_path(path: Path) -> str:
    """Return the whole path, safe to show in one line."""
    return _shown(str(path))


def _shown(name: str) -> str:
    # Bytes of a name that are not UTF-8 arrive as surrogates, which no terminal's encoding takes.
    return sanitize_line(name.encode("utf-8", "replace").decode("utf-8"))


def unreadable(path: Path, error: OSError | ValueError) -> ModelError:
    """Return the error for a file that is missing, closed to us or unreadable for the system."""
    name = shown_name(path)
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return ModelError(
                f"There is no file {shown_path(path)}.", "Check the path and its spelling."
            )
        case PermissionError():
            return ModelError(
                f"{name} cannot be read: permission denied.", "Give yourself read access to it."
            )
        case OSError():
            reason = sanitize_line(error.strerror or str(error))
            return ModelError(
                f"{name} cannot be read: {reason}.", "Check the path, and that its disk works."
            )
        case _:
            return ModelError(
                f"{name} is not a possible file name.", "Check the path and its spelling."
            )


def a_folder(path: Path) -> ModelError:
    return ModelError(
        f"{shown_name(path)} is a folder, not a model file.", "Give a .gguf file inside it."
    )


def no_regular_file(path: Path) -> ModelError:
    return ModelError(
        f"{shown_name(path)} is a device, pipe or socket, not a model file.", "Give a .gguf file."
    )


def empty(path: Path) -> ModelError:
    return ModelError(f"{shown_name(path)} is empty.", AGAIN)


def not_gguf(path: Path, head: bytes) -> ModelError:
    """Return the error for another kind of file; `head` is its first few hundred bytes."""
    what, hint = _recognise(head)
    return ModelError(f"{shown_name(path)} is {what}.", hint)


def wrong_version(path: Path, version: int) -> ModelError:
    if version & 0xFFFF == 0:  # A small number whose bytes are in the other order.
        title = f"{shown_name(path)} is a big-endian GGUF file, made for another kind of machine."
        return ModelError(title, "Look for the ordinary (little-endian) file of this model.")
    title = f"{shown_name(path)} has GGUF version {version}; modechat reads versions 2 and 3."
    newer = "A newer modechat may read it; otherwise download it again."
    return ModelError(title, newer if version > 3 else "Look for a newer file of this model.")


def damaged(path: Path, reason: str) -> ModelError:
    """Return the error for a header that makes no sense or ends early.

    `reason` continues the words "its header".
    """
    return ModelError(f"{shown_name(path)} is damaged or incomplete: its header {reason}.", AGAIN)


def incomplete(path: Path, size: int, needed: int) -> ModelError:
    """Return the error for a file that has only `size` of the `needed` bytes."""
    has, of = shown_bytes(size), shown_bytes(needed)
    if has == of:
        has, of = f"{size:,}", f"{needed:,} bytes"
    return ModelError(f"{shown_name(path)} is incomplete: it has {has} of {of}.", AGAIN)


def _recognise(head: bytes) -> tuple[str, str]:
    for starts, what, hint in _FOREIGN:
        if head.startswith(starts):
            return what, hint
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        hint = (
            "Use the page's download link: on Hugging Face the address has /resolve/, not /blob/."
        )
        return "a web page, saved under the name of a model", hint
    # A safetensors file begins with the length of its JSON header (8 bytes), then the JSON.
    if head[8:10] in (b'{"', b"{ ", b"{}") and int.from_bytes(head[:8], "little") < 1 << 32:
        return "a safetensors file, not a GGUF file", _SEEK_GGUF
    if not head.strip(b"\x00"):
        return "filled with zeros at its start: a download that did not finish", AGAIN
    if _is_text(head):
        return (
            "a text file, not a GGUF file",
            "Perhaps the download failed and left a message in it: read it.",
        )
    return "not a GGUF file", _SEEK_GGUF


def _is_text(head: bytes) -> bool:
    try:
        text = getincrementaldecoder("utf-8")().decode(head)  # Accepts a cut last character.
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)

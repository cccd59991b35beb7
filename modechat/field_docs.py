"""Reads the docstrings below the fields of a pydantic model.

pydantic's `use_attribute_docstrings` would read and parse the source of every model while it is
imported, in each of the processes, for 0.1 s: here it is read when somebody asks what an option
means.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


@cache
def field_docs(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the docstrings by the names of the fields, inherited ones too, each in one line."""
    docs: dict[str, str] = {}
    for section in reversed(model.__mro__):
        if issubclass(section, BaseModel) and section is not BaseModel:
            docs |= _docs_of(section)
    return docs


def _docs_of(section: type[BaseModel]) -> Mapping[str, str]:
    try:
        source = inspect.getsource(section)
    except OSError:
        return {}  # installed as bytecode alone
    definition = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(definition, ast.ClassDef)  # it is the source of a class
    docs: dict[str, str] = {}
    for field, below in pairwise(definition.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                docs[name] = " ".join(inspect.cleandoc(text).splitlines())
    return docs

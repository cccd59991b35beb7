"""Reads the docstrings below the fields of a pydantic model.

pydantic's `use_attribute_docstrings` parses the source of every model at import, which costs each
process 0.1 s. This module parses a source only when somebody asks what an option means.
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
    """Return the docstrings of the fields by name, inherited fields included, each in one line."""
    docs: dict[str, str] = {}
    for section in reversed(model.__mro__):
        if issubclass(section, BaseModel) and section is not BaseModel:
            docs |= _docs_of(section)
    return docs


def _docs_of(section: type[BaseModel]) -> Mapping[str, str]:
    try:
        source = inspect.getsource(section)
    except OSError:
        return {}  # the model is installed as bytecode only
    definition = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(definition, ast.ClassDef)  # it is the source of a class
    docs: dict[str, str] = {}
    for field, below in pairwise(definition.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                docs[name] = " ".join(text.split())
    return docs

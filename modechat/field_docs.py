"""What the docstrings below the fields of a pydantic model say.

pydantic's `use_attribute_docstrings` would read and parse the source of every model while it is imported, in each of
the processes, for 0.1 s: here it is read when somebody asks what an option means.
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
    """By the names of the fields, inherited ones too. Fields without a docstring have none here."""
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
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }

"""The benchmark of `modechat bench`: a model on this machine, measured through the engine."""

from modechat.engine.bench.measure import measure
from modechat.engine.bench.results import FULL, QUICK, BenchResult, Effort, Turn

__all__ = ["FULL", "QUICK", "BenchResult", "Effort", "Turn", "measure"]

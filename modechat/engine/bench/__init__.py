"""What `modechat bench` measures: a model on this machine, through the engine."""

from modechat.engine.bench.measure import FULL, QUICK, BenchResult, Effort, Turn, measure

__all__ = ["FULL", "QUICK", "BenchResult", "Effort", "Turn", "measure"]

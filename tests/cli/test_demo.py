"""The demo: what there is to see without a model."""

from __future__ import annotations

from modechat.cli.demo import demo_settings, reply_to
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Generate
from modechat.engine.scripted import Leak
from tests.engine.driver import chat


def test_replies_that_are_compared_differ() -> None:
    capital = Generate(id=1, prompt=chat("What is the capital of France?"))
    replies = [
        reply_to(capital.model_copy(update={"format": name}))
        for name in ("chat-template", "chatml", "alpaca")
    ]
    assert len({str(reply) for reply in replies}) == 3
    assert isinstance(replies[-1], Leak)
    haiku = Generate(id=1, prompt=chat("Write a haiku"))
    for different in (
        ({"seed": 1}, {"seed": 2}, {"seed": 3}),
        ({"temperature": 0.2}, {"temperature": 0.7}),
    ):
        samplings = [Sampling.model_validate(own) for own in different]
        texts = {
            str(reply_to(haiku.model_copy(update={"sampling": sampling}))) for sampling in samplings
        }
        assert len(texts) == len(different)


def test_a_model_of_the_demo_can_be_chosen() -> None:
    settings = demo_settings()
    model = next(
        found for found in settings.files.find_models(lambda: False) if hasattr(found, "path")
    )
    assert settings.files.settings_for(str(model.path)).load.model_path == str(model.path)

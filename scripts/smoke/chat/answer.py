"""Reads the recorded stream of an answer: what LibreChat sent when, and whether the path held it back.

The events, as ``api/server/controllers/agents/{request,callbacks}.js`` of v0.8.2-rc1 send them, all of type
``message`` unless it is said:

* ``{"created": true, "message": {…}}``: the question, before the model is asked;
* ``{"event": "on_message_delta", "data": {"delta": {"content": [{"type": "text", "text": …}]}}}``: a piece of
  the answer, mostly a token; ``on_reasoning_delta`` with ``think`` while a model thinks; other steps between;
* ``{"final": true, "conversation": {…}, "requestMessage": {…}, "responseMessage": {…}}``: all is saved. What
  the model's provider refused is a part of type ``error`` in the content of the response;
* of type ``error`` instead, when LibreChat itself refused: ``{"text": …}`` or ``{"message": …}``.

The handler may send an ``error``, too, when the app or the time ended in the middle
(container/src/relay.mjs). That is no refusal: the answer is cut, and why is read from the recording.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from scripts.smoke.shapes import mapping, parts
from scripts.smoke.stream.recording import Arrival, Recording
from scripts.smoke.stream.sender import TIME_IS_UP
from scripts.smoke.stream.verdict import MIN_EVENTS

_DELTAS = {"on_message_delta": "text", "on_reasoning_delta": "think"}

# The sentences of container/src/errors.mjs that can end a stream.
_HANDLERS_WORDS = frozenset({TIME_IS_UP, "LibreChat failed to answer", "Internal error"})

TOGETHER_SECONDS = 0.010
"""What arrives within this time arrived in one piece."""

MODEL_SECONDS = 0.050
"""No model begins to answer sooner than this after LibreChat was asked."""


class Pace(StrEnum):
    """How an answer travelled; `pace` has the rule. Values are the causes of the report."""

    PROGRESSIVE = "progressive"
    WHOLE = "buffered_whole"
    HELD = "buffered_blocks"
    ONE_PIECE = "model_in_one_piece"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Answer:
    """What a stream said. Times in seconds after the request.

    Attributes:
        recording: The stream.
        conversation: Id of the conversation; empty when the stream ended before it was said.
        created_at: When the question came back; None when it did not.
        tokens: The pieces of the answer, thinking included.
        text: The answer put together from its pieces, without the thinking.
        final: The last event; None when it did not come.
        final_at: When it came; None when it did not.
        refusal: Why there is no answer, in the words of LibreChat or of the model's provider.
        by_provider: Whether those are the words of the provider.
    """

    recording: Recording
    conversation: str = ""
    created_at: float | None = None
    tokens: tuple[Arrival, ...] = ()
    text: str = ""
    final: Mapping[str, Any] | None = None
    final_at: float | None = None
    refusal: str = ""
    by_provider: bool = False

    @property
    def told(self) -> str:
        """The answer as the last event has it whole; empty without one."""
        return text_of(mapping(mapping(self.final).get("responseMessage")))

    @property
    def to_first_token(self) -> float:
        """Seconds until the first piece; until the end when there was none."""
        return self.tokens[0].at if self.tokens else self.recording.ended_at

    @property
    def rate(self) -> float:
        """Pieces a second, from the first to the last; 0 when that says nothing."""
        spread = self.tokens[-1].at - self.tokens[0].at if self.tokens else 0.0
        return (len(self.tokens) - 1) / spread if spread > TOGETHER_SECONDS else 0.0

    @property
    def pieces(self) -> Recording:
        """The recording with the pieces alone, for its figures and its picture."""
        return replace(self.recording, arrivals=self.tokens)


def read(recording: Recording) -> Answer:
    """Take a recorded stream apart. What is not LibreChat's is passed over."""
    answer = Answer(recording)
    for arrival, data in _messages(recording):
        if arrival.event.type == "error":
            if (words := _words(data)) not in _HANDLERS_WORDS:
                answer = replace(answer, refusal=words)
        elif data.get("final"):
            errors = [
                part.get("error")
                for part in _content(data.get("responseMessage"))
                if part.get("type") == "error"
            ]
            refusal = str(errors[0]) if errors else answer.refusal
            id_ = str(mapping(data.get("conversation")).get("conversationId") or answer.conversation)
            answer = replace(
                answer,
                final=data,
                final_at=arrival.at,
                refusal=refusal,
                by_provider=bool(errors),
                conversation=id_,
            )
        elif data.get("created"):
            id_ = str(mapping(data.get("message")).get("conversationId") or "")
            answer = replace(answer, conversation=id_, created_at=arrival.at)
        elif kind := _DELTAS.get(str(data.get("event"))):
            pieces = [str(part.get(kind) or "") for part in _content(mapping(data.get("data")).get("delta"))]
            text = "".join(pieces) if kind == "text" else ""
            answer = replace(answer, tokens=(*answer.tokens, arrival), text=answer.text + text)
    return answer


def pace(answer: Answer) -> Pace:
    """How an answer travelled, though nobody knows when its model sent what.

    A model has no cadence to compare with: it thinks, it stops, it sends ten tokens at once. But LibreChat
    sends `created` before it asks the model, so that between it and the first token lies at least a request
    to the model. The first rule that applies:

    * `UNSURE`: they were read together after this process had stood still for as long as a model may take.
    * `WHOLE`: they arrived together, and from there to the last piece passed less than a tenth of the time.
    * `HELD`: they arrived together: the beginning was held until a buffer was full.
    * `ONE_PIECE`: they arrived apart, but all pieces (`MIN_EVENTS` at least) at once: the path is open,
      and the model, or a proxy or a cache before it, sent its answer whole. No fault of the deployment.
    * `PROGRESSIVE`: none of these. Bursts in the middle count for nothing: the diagnostic stream (SC-004),
      which goes the same way with a known cadence, is who finds a buffer there.
    """
    if answer.created_at is None or not answer.tokens:
        return Pace.UNSURE
    first, last = answer.tokens[0].at, answer.tokens[-1].at
    if first - answer.created_at < TOGETHER_SECONDS:
        stalled = answer.recording.stalled_since(first)
        if stalled is not None and first - stalled >= MODEL_SECONDS:
            return Pace.UNSURE
        return Pace.WHOLE if last - answer.created_at < 0.1 * last else Pace.HELD
    if len(answer.tokens) >= MIN_EVENTS and last - first < TOGETHER_SECONDS:
        return Pace.ONE_PIECE
    return Pace.PROGRESSIVE


def text_of(message: Mapping[str, Any]) -> str:
    """What a message of LibreChat says: the text parts of ``content`` where a model wrote it, or ``text``."""
    written = [part.get("text") for part in _content(message) if part.get("type") == "text"]
    return "".join(str(text or "") for text in written) or str(message.get("text") or "")


def _messages(recording: Recording) -> Iterator[tuple[Arrival, Mapping[str, Any]]]:
    for arrival in recording.arrivals:
        if arrival.event.type not in ("message", "error"):
            continue  # heartbeats, attachments
        try:
            data = json.loads(arrival.event.data)
        except ValueError:
            data = arrival.event.data
        yield arrival, data if isinstance(data, dict) else {"text": str(data)}


def _content(message: Any) -> list[Mapping[str, Any]]:
    """The parts of a message or a delta."""
    return parts(mapping(message).get("content"))


def _words(data: Mapping[str, Any]) -> str:
    return str(data.get("text") or data.get("message") or json.dumps(data))

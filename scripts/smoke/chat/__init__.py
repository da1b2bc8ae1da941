"""A conversation with LibreChat as one of its users: what ``inv smoke --chat`` does.

`librechat` knows the API (what its own client sends, and where), `offer` what there is to talk to, `answer`
reads the recorded stream of an answer, `judgement` says whether it is good, `explain` what a refusal means;
`conversation` goes through the steps, and `cleanup` leaves nothing behind. Where the password comes from is
the business of `credentials`. The checks are in `scripts.smoke.checks.chat`.
"""

from scripts.smoke.chat.conversation import Conversation, Step, converse

__all__ = ["Conversation", "Step", "converse"]

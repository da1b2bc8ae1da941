"""Long and hard streams: what a few minutes of real use do to a path that a short stream passes well.

    diagnostic.py   the stream that the handler makes for this, and what makes one whole
    flight.py       how much of a stream was on the way at once
    conclusion.py   from what was measured to a result
    concurrency.py  how many streams the account has room for
    rehearsal.py    the faster clock and the smaller crowd of a rehearsal on this machine
    silence.py      a sender that is silent for longer than the timeouts on the way
    volume.py       20 MB in one stream
    slow_reader.py  a client that reads slowly
    leaving.py      a client that leaves in the middle
    crowd.py        many streams at once

Each measures one thing and says what it means; `scripts.smoke.checks.endurance` lists them.
"""

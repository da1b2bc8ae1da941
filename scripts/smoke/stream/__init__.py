"""One stream, measured and explained. It knows bytes, clocks and timeouts, not checks.

In the order of the work: `sse` parses, `recorder` records a response as it arrives, `recording` is what it
recorded, `sender` what is known of the other end, `figures` are computed, `verdict` says how the stream
travelled, `limits` which timeouts the deployment has, `causes` what there is to say, `cuts`
what there is to say of one that was cut, `explanation` which of it applies, and `assessment` does it all at
once.
"""

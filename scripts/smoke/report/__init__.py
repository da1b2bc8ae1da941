"""What the smoke checks found: for the terminal, for programs, as a page, for CI.

`Finding` and `Report` hold it. Each form has a module: `terminal` and `timeline` (text), `html` (the page of
``--report``), `junit`. All but the terminal are functions of `Report.to_json`, so that what was written down
earlier can be drawn as well; `run` reads it back and takes out what must not be shown.
"""

from scripts.smoke.report.model import Finding, Report

__all__ = ["Finding", "Report"]

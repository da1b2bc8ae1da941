"""The code behind the tasks of ``tasks.py``. An application: nothing here is installed."""

"""AWS Lambda on this machine: image functions in execution environments that behave like the service's.

    service.py       the Invoke API: which environment takes an invocation
    environment.py   one execution environment: init, invoke, freeze, time out, end
    runtime_api.py   the Runtime API (2018-06-01) that one runtime speaks to
    sandbox.py       the processes of one environment, isolated by bubblewrap
    images.py        container images from the embedded ECR
    function.py      what the control plane says about a function
    logs.py          CloudWatch Logs, a log file, and the recent lines for evidence

Not here: API Gateway's rules for a response (the edge) and deploying functions (the control plane).
"""

"""One module a command of ``csumlab``; cli.py loads it when it is asked for. The only place that knows click, with cli.py."""

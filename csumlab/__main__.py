"""``python -m csumlab`` and the ``csumlab`` script."""

from csumlab.cli import main

if __name__ == "__main__":
    main()

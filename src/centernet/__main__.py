"""`python -m centernet` is `centernet`."""

from centernet.cli import main

raise SystemExit(main())

"""`python -m centernet`, the same as `centernet`."""

from centernet.cli import main

raise SystemExit(main())

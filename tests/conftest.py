"""What holds for all tests."""

from __future__ import annotations

import os

# Test processes run side by side on few processors: threads that spin while they wait would take turns stalling each
# other. Read by the OpenMP runtimes when they are loaded, so it is set before any framework is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

"""`make bench`, or a part of it: make bench BENCH_FLAGS="--only fit latency"."""

import argparse
import importlib
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from bench.table import Measurement, as_json, as_table, failure, processor

RESULT = Path(__file__).parents[2] / "bench.json"
# modules of this package
PARTS = "fit", "explorers", "six", "latency", "live", "notebooks", "busy", "colour"
SLOW = ("binder",)  # an hour; only where it is asked for
CORES = 2  # what the targets are stated for
CROWDED = 0.3  # cores taken by others from which times say little


def main() -> None:
    """Measure the wanted parts one after the other; 1 if one of them broke off."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS + SLOW, default=PARTS)
    wanted = parser.parse_args().only
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # Chromium ends, too
    cores = use_cores(CORES)  # before torch counts them
    others, found = {}, []
    for part in wanted:
        others[part] = share = cores_taken()
        print(f"measuring {part} (others take {share} cores)", flush=True)
        started = time.monotonic()
        found += measure(part)
        print(f"  {time.monotonic() - started:.0f} s", flush=True)
    machine = {**facts(cores), "cores_taken_by_others": others}
    RESULT.write_text(as_json(found, machine) + "\n", encoding="utf-8")
    print(*(f"{name}: {fact}" for name, fact in machine.items()), "", sep="\n")
    print(as_table(found))
    if max(others.values()) > CROWDED:
        print("\nOther processes were at work: times and latencies are upper bounds.")
    sys.exit(any(measurement.value is None for measurement in found))


def measure(part: str) -> list[Measurement]:
    """What a part finds; if it breaks off, what it found until then and why."""
    found = []
    try:
        for measurement in importlib.import_module(f"bench.{part}").measure():
            found.append(measurement)
    except Exception as error:  # the other parts go on; the table says so
        traceback.print_exc()
        found.append(failure(part, error))
    return found


def use_cores(most: int) -> str:
    """Keep this process and all it starts on so many cores, where that is possible."""
    if not hasattr(os, "sched_setaffinity"):
        return f"all {os.cpu_count()}"
    chosen = sorted(os.sched_getaffinity(0))[:most]
    os.sched_setaffinity(0, chosen)
    return f"{len(chosen)} of {os.cpu_count()}"


def cores_taken() -> float:
    """Cores that are busy while this process waits for three seconds."""
    import psutil

    return round(psutil.cpu_percent(interval=3) / 100 * psutil.cpu_count(), 2)


def facts(cores: str) -> dict[str, object]:
    """The machine and what is installed."""
    import psutil
    import torch

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU"
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "system": f"{sys.platform}, Python {sys.version.split()[0]}",
        "processor": processor(),
        "cores": cores,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "torch": f"{torch.__version__}, build for {build}",
        "load_average": " ".join(f"{load:.2f}" for load in psutil.getloadavg()),
        "torch_threads": torch.get_num_threads(),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "not set"),
    }


if __name__ == "__main__":
    main()

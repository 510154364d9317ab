"""How fast are the engines, and how well do they agree? Needs no data.

    engines.py [--rounds 5] [--pictures 200]

CPU time of the calling thread for one picture, in batches of 1 and 8, the best of some rounds in
which the engines take turns; time and memory of a fresh process until its first embedding; and the
lowest cosine between the engines' vectors of generated pictures. Linux only, for the memory.
"""

import subprocess
import sys

import numpy as np
from PIL import Image

from lookalike.benchmarks.arguments import parser_for
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.embed.models import ModelBench, bench_embedder
from lookalike.indexer.embed.preprocess import Pixels

NEEDS = "nothing"

COLD = """
import sys, time
begin = time.perf_counter()
import numpy as np
from lookalike.indexer.embed.embedder import Embedder, default_spec
embedder = Embedder(default_spec(), engine=sys.argv[1])
embedder.embed([embedder.prepare(np.zeros((600, 800, 3), np.uint8))])
seconds = time.perf_counter() - begin
# Not ru_maxrss: a child starts with its parent's. In KiB.
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(seconds, peak / 1024)
"""


def generated_pictures(count: int) -> list[Pixels]:
    """Return smooth color fields with noise, of many shapes and contrasts."""
    rng = np.random.default_rng(1)
    pictures = []
    for _ in range(count):
        height, width = rng.integers(100, 900, 2)
        cells = rng.integers(0, 256, (*rng.integers(2, 12, 2), 3), dtype=np.uint8)
        field = np.asarray(Image.fromarray(cells).resize((int(width), int(height)), 2))
        noise = rng.normal(0, rng.uniform(0, 30), field.shape)
        pictures.append(np.clip(field + noise, 0, 255).astype(np.uint8))
    return pictures


def lowest_cosine(a: Embedder, b: Embedder, pictures: list[Pixels]) -> float:
    prepared = [a.prepare(picture) for picture in pictures]
    x, y = (engine.embed(prepared).astype(np.float64) for engine in (a, b))
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return float(((x * y).sum(1) / lengths).min())


def best(benches: list[ModelBench]) -> str:
    """Return the table cells of the best round."""
    rate = max(bench.images_per_s for bench in benches)
    latency = min(bench.latency_ms for bench in benches)
    return f"{latency:.1f} | {1000 / rate:.1f}"


def cold_start(engine: str) -> str:
    command = [sys.executable, "-c", COLD, engine]
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(3)
    ]
    seconds = min(float(run[0]) for run in runs)
    return f"{seconds:.2f} | {float(runs[0][1]):.0f}"


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=200)
    arguments = parser.parse_args()
    spec = default_spec()
    embedders = {name: Embedder(spec, engine=name) for name in ("onnx", "torch")}
    rounds: dict[str, list[ModelBench]] = {name: [] for name in embedders}
    for _ in range(arguments.rounds):
        for name, embedder in embedders.items():
            rounds[name].append(bench_embedder(embedder))
    print("| engine | ms, batch 1 | ms a picture, batch 8 | cold start s | peak MiB |")
    print("|---|---|---|---|---|")
    for name in embedders:
        print(f"| {name} | {best(rounds[name])} | {cold_start(name)} |")
    pictures = generated_pictures(arguments.pictures)
    cosine = lowest_cosine(embedders["onnx"], embedders["torch"], pictures)
    print(f"\nlowest cosine of {len(pictures)} generated pictures: {cosine:.8f}")


if __name__ == "__main__":
    main()

"""Ask another index for the ten nearest of some vectors: runs in an environment that has it.

    PYTHON neighbors.py TOOL VECTORS QUERIES [LEND...]

VECTORS, QUERIES: files of unit vectors, (n, dim) fp16. LEND: folders of packages that may be used besides.
Writes a JSON object: version, seconds to build, milliseconds and recall@10 of a query. One thread.
"""

import argparse
import json
import site
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any

K = 10

Search = Callable[[Any], Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("vectors")
    parser.add_argument("queries")
    parser.add_argument("lent", nargs="*")
    arguments = parser.parse_args()
    for each in arguments.lent:
        site.addsitedir(each)
    np = import_module("numpy")
    vectors, queries = (np.load(file).astype(np.float32) for file in (arguments.vectors, arguments.queries))
    distribution, words, build = TOOLS[arguments.tool]
    began = time.perf_counter()
    search = build(vectors)
    build_s = time.perf_counter() - began
    for _ in range(2):  # the first time for warmth
        walls, cpus, found = [], [], []
        for query in queries:
            wall, cpu = time.perf_counter(), time.process_time()
            found.append(search(query))
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
    scores = np.array([vectors[ids] @ query for ids, query in zip(found, queries, strict=True)])
    worst = np.sort(queries @ vectors.T, axis=1)[:, -K, None]
    told = {
        "version": f"{words} {version(distribution)}",
        "build_s": build_s,
        "p50": 1000 * float(np.median(walls)),
        "p95": 1000 * float(np.quantile(walls, 0.95)),
        "cpu": 1000 * float(np.median(cpus)),
        "recall": float((scores >= worst - 1e-5).sum(axis=1).clip(max=K).mean()) / K,
    }
    print(json.dumps(told))


def in_numpy(vectors: Any) -> Search:
    np = import_module("numpy")

    def search(query: Any) -> Any:
        scores = vectors @ query
        best = np.argpartition(scores, -K)[-K:]
        return best[np.argsort(-scores[best])]

    return search


def in_faiss(make: Callable[[Any, int], Any]) -> Callable[[Any], Search]:
    def build(vectors: Any) -> Search:
        faiss = import_module("faiss")
        index = make(faiss, vectors.shape[1])
        index.add(vectors)
        return lambda query: index.search(query[None], K)[1][0]

    return build


def faiss_flat(faiss: Any, dim: int) -> Any:
    return faiss.IndexFlatIP(dim)


def faiss_hnsw(faiss: Any, dim: int) -> Any:
    index = faiss.IndexHNSWFlat(dim, 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efSearch = 64
    return index


def in_usearch(dtype: str) -> Callable[[Any], Search]:
    def build(vectors: Any) -> Search:
        np, usearch = import_module("numpy"), import_module("usearch.index")
        index = usearch.Index(ndim=vectors.shape[1], metric="ip", dtype=dtype)
        index.add(np.arange(len(vectors)), vectors, threads=1)
        return lambda query: index.search(query, K).keys.astype(np.int64)

    return build


def in_hnswlib(vectors: Any) -> Search:
    hnswlib = import_module("hnswlib")
    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), M=32, ef_construction=200)
    index.set_num_threads(1)
    index.add_items(vectors)
    index.set_ef(64)
    return lambda query: index.knn_query(query[None], K)[0][0].astype("int64")


TOOLS: dict[str, tuple[str, str, Callable[[Any], Search]]] = {
    "numpy": ("numpy", "numpy, all vectors", in_numpy),
    "faiss-flat": ("faiss-cpu", "FAISS IndexFlatIP", in_faiss(faiss_flat)),
    "faiss-hnsw": ("faiss-cpu", "FAISS HNSW32, efSearch 64", in_faiss(faiss_hnsw)),
    "usearch": ("usearch", "usearch f32", in_usearch("f32")),
    "usearch-f16": ("usearch", "usearch f16", in_usearch("f16")),
    "hnswlib": ("hnswlib", "hnswlib M 32, ef 64", in_hnswlib),
}

if __name__ == "__main__":
    main()

"""Answers of searches as JSON objects."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..store.documents import Row, path_fields
from .listing import photo_fields

if TYPE_CHECKING:
    from ..search.answers import Answer, Result
    from ..search.labels.label import Label


def answer_row(answer: "Answer", all_files: bool = False) -> Row:
    """Return an answer as a JSON object. all_files: name every file of a photo."""
    row: Row = path_fields(answer.query, "query")
    if answer.error is not None:
        row |= {"error": answer.error.code, "message": str(answer.error)}
    row |= {"reranked": answer.is_reranked}
    if answer.is_by_label:
        row["by"] = "label"
    parts = answer.example.parts if answer.example else ()
    if parts:
        row |= {
            "examples": [{**path_fields(part.query.name, "query"), "weight": part.weight} for part in parts]
        }
    ranked = enumerate(answer.results, 1)
    return row | {"results": [_result_row(rank, result, all_files) for rank, result in ranked]}


def _result_row(rank: int, result: "Result", all_files: bool) -> Row:
    photo = result.photo
    score = None if math.isnan(result.score) else round(result.score, 6)
    copies = {"copies": len(photo.files), "proven_copies": result.copies}
    row: Row = {"rank": rank, "score": score} | photo_fields(photo) | copies
    row["labels"] = label_rows(result.labels)
    if result.box is not None:
        row["box"] = {name: getattr(result.box, name) for name in ("x", "y", "width", "height")}
    return row | ({"files": [path_fields(file.path) for file in photo.files]} if all_files else {})


def label_rows(labels: "Iterable[Label]") -> list[Row]:
    """Return labels for JSON, the most special first."""
    return [{"name": label.name, "confidence": round(label.confidence, 4)} for label in labels]

"""What `MultilayerPerceptron.train_step` does in this package: its four parts, one after the other."""

from __future__ import annotations

from .composed_step import composed_step as train_step

__all__ = ["train_step"]

"""The Transformer. B batch, T candles of the window, F features, D width, H heads, K keys, Q queries.

Causal, with a band: a candle attends to itself and the `band - 1` before it, so over all layers a
prediction reaches back at most 1 + layers * (band - 1) <= sequence_length candles. Positions are rotary,
hence relative: a prediction depends on the candles it can reach and on nothing else. Only the last
candle is predicted from, so each layer computes just the candles that the layers above still need.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tapeline.nets.params import TransformerParams


def attention_band(sequence_length: int, layers: int) -> int:
    """Candles a query sees, itself included, so that all layers together reach `sequence_length`."""
    return 1 + (sequence_length - 1) // layers


class Transformer(nn.Module):
    """Pre-norm encoder with banded causal attention; the last candle's state gives one logit."""

    def __init__(self, n_features: int, params: TransformerParams, sequence_length: int) -> None:
        super().__init__()
        band = attention_band(sequence_length, params.layers)
        self.embed = nn.Linear(n_features, params.d_model)
        self.layers = nn.ModuleList(Layer(params, band) for _ in range(params.layers))
        self.norm = nn.LayerNorm(params.d_model)
        self.head = nn.Linear(params.d_model, 1)
        # What each layer must still put out so that the last candle of the top layer is right.
        self.kept = [1 + above * (band - 1) for above in reversed(range(params.layers))]

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (B,) of windows (B, T, F)."""
        x = self.embed(windows)  # (B, T, D)
        for layer, kept in zip(self.layers, self.kept, strict=True):
            x = layer(x, kept)  # (B, kept, D)
        last = self.norm(x[:, -1])  # (B, D)
        return torch.squeeze(self.head(last), -1)


class Layer(nn.Module):
    """Attention and a feed-forward block, each behind a norm and added to what came in."""

    def __init__(self, params: TransformerParams, band: int) -> None:
        super().__init__()
        self.heads, self.band = params.heads, band
        self.attention_norm = nn.LayerNorm(params.d_model)
        self.query = nn.Linear(params.d_model, params.d_model)
        self.key_value = nn.Linear(params.d_model, 2 * params.d_model)
        self.project = nn.Linear(params.d_model, params.d_model)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(params.d_model),
            nn.Linear(params.d_model, 4 * params.d_model),
            nn.GELU(),
            nn.Linear(4 * params.d_model, params.d_model),
        )
        self.dropout = nn.Dropout(params.dropout)
        cosine, sine = rotary_table(params.max_length, params.d_model // params.heads)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)

    def forward(self, x: Tensor, kept: int) -> Tensor:
        """Put out the last `kept` candles, (B, Q, D), of all that came in, (B, K, D)."""
        normed = self.attention_norm(x)
        n_keys = x.shape[1]
        query = self._split(self.query(normed[:, -kept:]))  # (B, H, Q, D/H)
        key, value = map(self._split, self.key_value(normed).chunk(2, dim=-1))  # (B, H, K, D/H)
        query = rotate(query, self.cosine[n_keys - kept : n_keys], self.sine[n_keys - kept : n_keys])
        key = rotate(key, self.cosine[:n_keys], self.sine[:n_keys])
        distance = torch.arange(n_keys - kept, n_keys)[:, None] - torch.arange(n_keys)  # (Q, K)
        is_seen = ((distance >= 0) & (distance < self.band)).to(x.device)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=is_seen)  # (B, H, Q, D/H)
        x = x[:, -kept:] + self.dropout(self.project(mixed.transpose(1, 2).flatten(2)))  # (B, Q, D)
        return x + self.dropout(self.feed_forward(x))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, T, D) -> (B, H, T, D/H)


def rotary_table(length: int, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, (length, width / 2) each, of rotary positions (Su et al., 2021)."""
    frequency = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    angle = torch.outer(torch.arange(length), frequency)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn the halves of (B, H, T, D/H) by the angles of their positions, (T, D/H/2)."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)

"""The Transformer. B batch, T candles, F features, D width, H heads, W head width, K keys, Q queries.

Causal, with a band: a candle attends to itself and the `band - 1` before it, so over all layers a
prediction reaches back at most 1 + layers * (band - 1) <= sequence_length candles. Positions are rotary,
hence relative: a prediction depends on the candles it can reach and on nothing else, so it is the same
number within a long chunk and alone.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tapeline.nets.dropout import Dropout
from tapeline.nets.network import Network
from tapeline.nets.params import TransformerParams

LEAST_BLOCK = 8  # queries; of fewer, in a deep network, a product has too little to do


def attention_band(sequence_length: int, layers: int) -> int:
    """Candles a query sees, itself included, so that all layers together reach `sequence_length`."""
    return 1 + (sequence_length - 1) // layers


class Transformer(Network):
    """Pre-norm encoder with banded causal attention; each candle's state gives that candle's logit."""

    is_same_with_longer_input = True

    def __init__(self, n_features: int, params: TransformerParams, sequence_length: int) -> None:
        super().__init__()
        self.band = attention_band(sequence_length, params.layers)
        self.embed = nn.Linear(n_features, params.d_model)
        self.layers = nn.ModuleList(Layer(params, self.band) for _ in range(params.layers))
        self.norm = nn.LayerNorm(params.d_model)
        self.head = nn.Linear(params.d_model, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, T) of every candle of (B, T, F); the first `reach - 1` lack some of their past."""
        kept = x.shape[1]
        x = self.embed(x)  # (B, T, D)
        for layer in self.layers:
            x = layer(x, kept)
        return torch.squeeze(self.head(self.norm(x)), -1)

    def last(self, windows: Tensor) -> Tensor:
        """Logits (B,) of the last candles of windows (B, T, F), computing only what those need."""
        x = self.embed(windows)  # (B, T, D)
        for above, layer in zip(reversed(range(len(self.layers))), self.layers, strict=True):
            kept = min(1 + above * (self.band - 1), x.shape[1])
            x = layer(x, kept)  # (B, kept, D)
        return torch.squeeze(self.head(self.norm(x[:, -1])), -1)

    def reach(self, sequence_length: int) -> int:
        """Candles that a prediction really depends on."""
        return 1 + len(self.layers) * (self.band - 1)


class Layer(nn.Module):
    """Attention and a feed-forward block, each after a norm, with a residual connection."""

    cosine: Tensor
    sine: Tensor

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
        self.dropout = Dropout(params.dropout)
        cosine, sine = rotary_table(params.max_length, params.d_model // params.heads)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)

    def forward(self, x: Tensor, kept: int) -> Tensor:
        """Output of the last `kept` candles, (B, Q, D), of the input (B, K, D)."""
        normed = self.attention_norm(x)
        n_keys = x.shape[1]
        query = self._split(self.query(normed[:, -kept:]))  # (B, H, Q, W)
        key, value = map(self._split, self.key_value(normed).chunk(2, dim=-1))  # (B, H, K, W)
        query = rotate(query, self.cosine[n_keys - kept : n_keys], self.sine[n_keys - kept : n_keys])
        key = rotate(key, self.cosine[:n_keys], self.sine[:n_keys])
        mixed = banded_attention(query, key, value, self.band)  # (B, H, Q, W)
        x = x[:, -kept:] + self.dropout(self.project(mixed.transpose(1, 2).flatten(2)))  # (B, Q, D)
        out: Tensor = x + self.dropout(self.feed_forward(x))
        return out

    def _split(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, -1, (self.heads, -1)).transpose(1, 2)  # (B, T, D) -> (B, H, T, W)


def banded_attention(query: Tensor, key: Tensor, value: Tensor, band: int) -> Tensor:
    """Let each query (B, H, Q, W) see its key and the `band - 1` before; queries are the last of the keys.

    Keys and values are (B, H, K, W). Blocks of about `band` queries share the keys that any of them sees, so
    the cost is linear in candles, and it is matrix products alone: the same bytes twice, on CUDA too.
    """
    n_queries, width = query.shape[2:]
    needed = n_queries + band - 1
    lacking = max(0, needed - key.shape[2])  # keys before the first candle, masked below
    block = n_queries if n_queries <= 4 * band else max(band, LEAST_BLOCK)
    n_blocks = -(-n_queries // block)
    spare = n_blocks * block - n_queries
    query = F.pad(query * width**-0.5, (0, 0, 0, spare))
    query = torch.unflatten(query, 2, (n_blocks, block))  # (B, H, blocks, block, W)
    key, value = (
        shared_by_blocks(F.pad(x[:, :, -needed:], (0, 0, lacking, spare)), n_blocks, block)
        for x in (key, value)
    )  # (B, H, blocks, shared, W)
    of_query, of_key = torch.arange(block)[:, None], torch.arange(key.shape[3])
    is_seen = (of_key >= of_query) & (of_key < of_query + band)
    is_there = torch.arange(n_blocks)[:, None, None] * block + of_key >= lacking
    hidden = ~(is_seen & is_there)  # (blocks, block, shared)
    # Added in place: neither scores nor their gradient are copied for it, as masked_fill would.
    bias = torch.zeros(hidden.shape).masked_fill(hidden, -torch.inf).to(query)
    mixed: Tensor = (query @ key.transpose(-1, -2)).add_(bias).softmax(-1) @ value
    return mixed.flatten(2, 3)[:, :, :n_queries]


def shared_by_blocks(x: Tensor, n_blocks: int, block: int) -> Tensor:
    """Keys (B, H, blocks, shared, W) of which each block of queries sees some; of one block all (B, H, K, W).

    Two neighbouring parts of `block` keys, which reach further than any query sees. Parts set side by side
    are whole copies, and so are their gradients; windows by `unfold` are not.
    """
    if n_blocks == 1:
        return x[:, :, None]
    parts = F.pad(x, (0, 0, 0, (n_blocks + 1) * block - x.shape[2]))
    parts = torch.unflatten(parts, 2, (n_blocks + 1, block))
    return torch.cat([parts[:, :, :-1], parts[:, :, 1:]], dim=3)


def rotary_table(length: int, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, (length, width / 2) each, of rotary positions (Su et al., 2021)."""
    frequency = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    angle = torch.outer(torch.arange(length), frequency)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn the halves of (B, H, T, W) by the angles of their positions, (T, W/2)."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)

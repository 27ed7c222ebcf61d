"""A transformer block, normalized first, as in GPT-2; the default is the size of GPT-2 small's."""

from __future__ import annotations

from torch import Tensor, nn


class TransformerBlock(nn.Module):
    """Causal self-attention and a feed-forward network, each beside a shortcut."""

    def __init__(self, width: int = 768, heads: int = 12) -> None:
        """`width` must be a multiple of `heads`."""
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """From (batch, tokens, width) to the same."""
        batch, tokens, width = x.shape
        projected = self.queries_keys_values(self.attention_norm(x))
        queries, keys, values = projected.view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        x = x + self.attention_out(attended.transpose(1, 2).reshape(batch, tokens, width))
        out: Tensor = x + self.feed_forward(x)
        return out

"""Networks as people write them, small: what the tracer is tried on."""

# mypy: disable-error-code="no-any-return"
# a module that is called returns anything

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AlexNet(nn.Module):
    """Features, an adaptive pool and a classifier with dropout: (batch, 3, 64, 64)."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, kernel_size=11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(8, 16, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(16, 12, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(12 * 2 * 2, 32),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(32, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each class."""
        x = self.features(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)


class VGG(nn.Module):
    """Layers from a list of widths, with batch normalisation: (batch, 3, 32, 32)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        for entry in (8, "M", 16, 16, "M", 24, "M"):
            if isinstance(entry, str):
                layers.append(nn.MaxPool2d(2, 2))
                continue
            layers += [nn.Conv2d(width, entry, 3, padding=1), nn.BatchNorm2d(entry), nn.ReLU()]
            width = entry
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(width * 4 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each class."""
        x = self.features(x)
        return self.head(x.view(x.size(0), -1))


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut around them."""

    def __init__(self, entering: int, leaving: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(leaving)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        self.downsample: nn.Module | None = None
        if stride != 1 or entering != leaving:
            self.downsample = nn.Sequential(
                nn.Conv2d(entering, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both ways."""
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """A stem and three stages of residual blocks: (batch, 3, 32, 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 8))
        self.layer2 = nn.Sequential(BasicBlock(8, 16, 2), BasicBlock(16, 16))
        self.layer3 = nn.Sequential(BasicBlock(16, 32, 2), BasicBlock(32, 32))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each class."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.avgpool(x).flatten(1))


class GroupedBottleneck(nn.Module):
    """1×1, grouped 3×3, 1×1, and a shortcut."""

    def __init__(self, entering: int, width: int, leaving: int, groups: int, stride: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(entering, width, 1, bias=False)
        self.grouped = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.expand = nn.Conv2d(width, leaving, 1, bias=False)
        self.norm = nn.BatchNorm2d(leaving)
        self.shortcut = nn.Conv2d(entering, leaving, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both ways."""
        out = F.relu(self.grouped(F.relu(self.reduce(x))))
        return F.relu(self.norm(self.expand(out)) + self.shortcut(x))


class ResNeXt(nn.Sequential):
    """Residual blocks of grouped convolutions: (batch, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__(
            GroupedBottleneck(3, 16, 24, groups=8, stride=1),
            GroupedBottleneck(24, 32, 40, groups=4, stride=2),
            nn.AdaptiveAvgPool2d((1, 1)),
            nn.Flatten(),
            nn.Linear(40, 10),
        )


class SqueezeExcite(nn.Module):
    """Weighs channels by what a small network sees of their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, channels // 4, 1)
        self.up = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighed channels."""
        scale = F.adaptive_avg_pool2d(x, 1)
        return F.hardsigmoid(self.up(F.relu(self.down(scale)))) * x


class InvertedResidual(nn.Module):
    """Expand, convolve each channel alone, squeeze, project; a shortcut where shapes agree."""

    def __init__(self, entering: int, hidden: int, leaving: int, stride: int) -> None:
        super().__init__()
        self.use_shortcut = stride == 1 and entering == leaving
        self.block = nn.Sequential(
            nn.Conv2d(entering, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.Hardswish(),
            SqueezeExcite(hidden),
            nn.Conv2d(hidden, leaving, 1, bias=False),
            nn.BatchNorm2d(leaving),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the projection, added to x where it can be."""
        return x + self.block(x) if self.use_shortcut else self.block(x)


class MobileNet(nn.Module):
    """Depthwise separable convolutions: (batch, 3, 32, 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.blocks = nn.Sequential(
            InvertedResidual(8, 16, 8, 1),
            InvertedResidual(8, 24, 12, 2),
            InvertedResidual(12, 24, 12, 1),
        )
        self.classifier = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each class."""
        x = self.blocks(F.hardswish(self.stem(x)))
        return self.classifier(x.mean([2, 3]))


class Fire(nn.Module):
    """A squeezing convolution whose output two others expand."""

    def __init__(self, entering: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(entering, squeezed, 1)
        self.expand1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return both expansions, one behind the other."""
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1(x)), F.relu(self.expand3(x))], 1)


class SqueezeNet(nn.Module):
    """Fire modules and a convolution that classifies: (batch, 3, 31, 33)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 12, 3, stride=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(12, 4, 8),
            Fire(16, 4, 8),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(16, 6, 12),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(24, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each class."""
        return torch.flatten(self.classifier(self.features(x)), 1)


class DenseLayer(nn.Module):
    """Sees everything before it and adds a few channels."""

    def __init__(self, entering: int, growth: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(entering)
        self.conv = nn.Conv2d(entering, growth, 3, padding=1, bias=False)

    def forward(self, seen: list[Tensor]) -> Tensor:
        """Return the new channels."""
        return self.conv(F.relu(self.norm(torch.cat(seen, 1))))


class DenseNet(nn.Module):
    """A dense block, a transition and a classifier: (batch, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.block = nn.ModuleDict(
            {f"layer{place}": DenseLayer(8 + 4 * place, 4) for place in range(3)}
        )
        self.transition = nn.Sequential(
            OrderedDict(
                norm=nn.BatchNorm2d(20),
                relu=nn.ReLU(),
                conv=nn.Conv2d(20, 10, 1, bias=False),
                pool=nn.AvgPool2d(2, 2),
            )
        )
        self.classifier = nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each class."""
        seen = [self.stem(x)]
        for layer in self.block.values():
            seen.append(layer(seen))
        x = self.transition(torch.cat(seen, 1))
        return self.classifier(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


class DoubleConv(nn.Sequential):
    """Two convolutions with group normalisation."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__(
            nn.Conv2d(entering, leaving, 3, padding=1),
            nn.GroupNorm(2, leaving),
            nn.ReLU(),
            nn.Conv2d(leaving, leaving, 3, padding=1),
            nn.ReLU(),
        )


class UNet(nn.Module):
    """Down twice, up twice by transposed convolutions, skips by cat: (batch, 1, 16, 24)."""

    def __init__(self) -> None:
        super().__init__()
        self.down1 = DoubleConv(1, 4)
        self.down2 = DoubleConv(4, 8)
        self.middle = DoubleConv(8, 16)
        self.up2 = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.join2 = DoubleConv(16, 8)
        self.up1 = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.join1 = DoubleConv(8, 4)
        self.last = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of two scores, as large as the picture."""
        first = self.down1(x)
        second = self.down2(F.max_pool2d(first, 2))
        x = self.middle(F.max_pool2d(second, 2))
        x = self.join2(torch.cat([self.up2(x), second], dim=1))
        x = self.join1(torch.cat([self.up1(x), first], dim=1))
        return self.last(x)


class ViT(nn.Module):
    """Patches, a class token, positions and torch's own encoder: (batch, 3, 16, 16)."""

    def __init__(self, width: int = 16, heads: int = 4, depth: int = 2) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, kernel_size=4, stride=4)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.zeros(1, 17, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each class, from the class token."""
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        x = self.encoder(x + self.position)
        return self.head(self.norm(x)[:, 0])


class AttentionPool(nn.Module):
    """nn.MultiheadAttention with other widths of key and value: two inputs, time first."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 3, kdim=5, vdim=5)
        self.head = nn.Linear(12, 2)

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """Return two scores of each step of the query."""
        seen, _ = self.attention(query, memory, memory)
        return self.head(seen)


class SelfAttention(nn.Module):
    """Attention written out with matmul and einsum: (batch, time, 8)."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return what each step takes from all."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        weights = torch.softmax(q @ k.transpose(-2, -1) / 8**0.5, dim=-1)
        return self.out(torch.einsum("bqk,bkd->bqd", weights, v))


class LSTMClassifier(nn.Module):
    """Embedded words through two bidirectional layers: (batch, time) of int64."""

    def __init__(self, words: int = 50, width: int = 6, hidden: int = 5) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=0)
        self.lstm = nn.LSTM(width, hidden, num_layers=2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, 3)

    def forward(self, words: Tensor) -> Tensor:
        """Return three scores, from the last hidden states of both directions."""
        _, (hidden, _) = self.lstm(self.embedding(words))
        return self.fc(torch.cat([hidden[-2], hidden[-1]], dim=1))


class GRUForecast(nn.Module):
    """Time first, the last step decides: (time, batch, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 7)
        self.out = nn.Linear(7, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the forecast."""
        steps, _ = self.gru(x)
        return self.out(steps[-1])


class TextCNN(nn.Module):
    """Convolutions of several widths over embedded words: (batch, time) of int64."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(40, 8)
        self.convs = nn.ModuleList([nn.Conv1d(8, 6, width) for width in (2, 3, 4)])
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(18, 4)

    def forward(self, words: Tensor) -> Tensor:
        """Return four scores."""
        x = self.embedding(words).permute(0, 2, 1)
        pooled = [F.relu(conv(x)).max(dim=2).values for conv in self.convs]
        return self.fc(self.dropout(torch.cat(pooled, dim=1)))


class MixerBlock(nn.Module):
    """One network over the patches, one over the channels."""

    def __init__(self, patches: int, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(patches, 10), nn.GELU(), nn.Linear(10, patches))
        self.channels = nn.Sequential(nn.Linear(width, 24), nn.GELU(), nn.Linear(24, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return x and both mixtures, added."""
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    """Linear layers over both dimensions of patches: (batch, 3, 12, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 12, 4, stride=4)
        self.blocks = nn.Sequential(MixerBlock(9, 12), MixerBlock(9, 12))
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return five scores."""
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.head(self.blocks(x).mean(dim=1))


class Autoencoder(nn.Module):
    """Down to four numbers and up again: (batch, 1, 12, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 6, 3, stride=2, padding=1),
            nn.LeakyReLU(0.1),
            nn.Flatten(),
            nn.Linear(6 * 6 * 6, 4),
        )
        self.decoder = nn.Sequential(
            nn.Linear(4, 6 * 6 * 6),
            nn.Unflatten(1, (6, 6, 6)),
            nn.ConvTranspose2d(6, 1, 4, stride=2, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the picture as it was remembered."""
        return self.decoder(self.encoder(x))


class Voxels(nn.Sequential):
    """Convolutions over three dimensions: (batch, 1, 6, 8, 7)."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv3d(1, 4, (2, 3, 3), padding=(0, 1, 1), dilation=(2, 1, 1)),
            nn.InstanceNorm3d(4, affine=True),
            nn.PReLU(),
            nn.MaxPool3d(2),
            nn.ConvTranspose3d(4, 2, 2, stride=2),
            nn.AvgPool3d(2, ceil_mode=True),
            nn.Flatten(1),
            nn.LazyLinear(3),
        )


# What follows tries one behaviour each.


class Shared(nn.Module):
    """One layer used three times: (batch, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)
        self.act = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output of the layer's output of the layer's output."""
        for _ in range(3):
            x = self.act(self.layer(x))
        return x


class Tied(nn.Module):
    """The embedding's weight is the decoder's: (batch, time) of int64."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.decoder = nn.Linear(4, 11, bias=False)
        self.decoder.weight = self.embedding.weight

    def forward(self, words: Tensor) -> Tensor:
        """Return a score for each word."""
        return self.decoder(self.embedding(words))


class TwoHeads(nn.Module):
    """Returns a dict with a tuple in it: (batch, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(4, 8)
        self.score = nn.Linear(8, 3)
        self.box = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> dict[str, Tensor | tuple[Tensor, Tensor]]:
        """Return scores and boxes by name."""
        x = F.relu(self.trunk(x))
        return {"scores": self.score(x), "boxes": (self.box(x), x)}


class Pair(nn.Module):
    """Returns a tuple: (batch, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Linear(4, 2)
        self.deviation = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return two tensors."""
        return self.mean(x), self.deviation(x)


@dataclass
class Answer:
    """What a dataclass-returning network returns."""

    logits: Tensor
    states: list[Tensor]


class Scored(NamedTuple):
    """What a network that returns a named tuple returns."""

    score: Tensor
    state: Tensor


class ByDataclass(nn.Module):
    """Returns a dataclass: (batch, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Answer:
        """Return the logits, and what led to them."""
        return Answer(self.fc(x), [x, x[:, :3]])


class ByNamedTuple(ByDataclass):
    """Returns a named tuple: (batch, 4)."""

    def forward(self, x: Tensor) -> Scored:  # type: ignore[override]  # another form
        """Return the score, and what led to it."""
        return Scored(self.fc(x), x)


class Lazy(nn.Module):
    """Its first layer learns its width from its input: (batch, …)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.LazyLinear(5)
        self.fc2 = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return two numbers a row."""
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class Forgiving(nn.Module):
    """Tries a layer that does not fit and goes on with another: (batch, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong = nn.Linear(4, 2)
        self.right = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the layer that fits makes of x."""
        try:
            return self.wrong(x)
        except RuntimeError:
            return self.right(x)


class Retries(nn.Module):
    """Tries its layer on rows, then on columns: (3, batch)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the layer makes of the columns."""
        try:
            return self.fc(x)
        except RuntimeError:
            return self.fc(x.t())


class ReadsNumber(nn.Module):
    """Looks at a number of its input: (batch, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output, scaled."""
        x = self.fc(x)
        return x * 2 if x.sum().item() > 0 else x


class UsesNumpy(nn.Module):
    """Goes through NumPy: (batch, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output of sorted rows."""
        import numpy as np

        return self.fc(torch.from_numpy(np.sort(x.numpy(), axis=1)))


class Branches(nn.Module):
    """Takes another way where a number is read that is zero: (batch, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output; fails where rows are wider than the layer."""
        if x.sum() > 1e9:
            return x
        return self.fc(x)


class PlainList(nn.Module):
    """Keeps its layers where torch does not find them: (batch, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(4, 5), nn.Linear(5, 6)]
        self.named = {"last": nn.Linear(6, 2)}

    def forward(self, x: Tensor) -> Tensor:
        """Return two numbers a row."""
        for layer in self.layers:
            x = layer(x).relu()
        return self.named["last"](x)


class ByHand(nn.Module):
    """Affine maps without nn.Linear: (batch, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight1 = nn.Parameter(torch.randn(5, 4))
        self.bias1 = nn.Parameter(torch.randn(5))
        self.weight2 = nn.Parameter(torch.randn(3, 5))
        self.weight3 = nn.Parameter(torch.randn(3, 2))
        self.scale = nn.Parameter(torch.randn(2))

    def forward(self, x: Tensor) -> Tensor:
        """Return two numbers a row."""
        x = F.linear(x, self.weight1, self.bias1)
        x = x @ self.weight2.T
        x = torch.matmul(x, self.weight3)
        return x * self.scale


class ByFunctions(nn.Module):
    """Products with parameters by other functions: (batch, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 5))
        self.bias = nn.Parameter(torch.randn(5))
        self.other = nn.Parameter(torch.randn(3, 5))

    def forward(self, x: Tensor) -> Tensor:
        """Return the product of the outputs with themselves."""
        x = torch.addmm(self.bias, x, self.weight)
        x = torch.einsum("bi,oi->bo", x, self.other)
        return x @ x.t()


class Asks(nn.Module):
    """Asks its input a great deal before it uses it: (batch, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output."""
        assert x.size(0) == x.shape[0]
        assert x.dim() == 2
        assert x.is_floating_point()
        start = torch.zeros_like(x)
        assert start.numel() == x.numel()
        x.requires_grad_(False)
        return self.fc(x)


class Recurrences(nn.Module):
    """Indexes what recurrent layers return in many ways: (batch, time, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(3, 4, batch_first=True)
        self.gru = nn.GRU(4, 4)
        self.lstm = nn.LSTM(4, 4, num_layers=2, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return pieces of all outputs and states."""
        steps, hidden = self.rnn(x)
        turned, _ = self.gru(steps.transpose(0, 1))
        more, (last, cell) = self.lstm(steps)
        return (
            steps[:, -1],
            steps[:, 0],
            steps[-1],
            hidden[-1],
            turned[-1],
            more[:, -1, :],
            last[-1],
            cell[-1],
        )


class Turned(nn.Module):
    """Indexes not what a recurrent layer returned, but views of it: (batch, time, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(3, 4, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the last step, the third, and the last of the first row."""
        steps, _ = self.rnn(x)
        return steps.transpose(0, 1)[-1], steps[:, :3][:, -1], steps[0][-1]


class Long(nn.Module):
    """Takes as many steps as it is told: (batch, 3)."""

    def __init__(self, times: int = 8) -> None:
        super().__init__()
        self.times = times
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return x after many times the same layer."""
        for _ in range(self.times):
            x = self.fc(x)
        return x


class Several(nn.Module):
    """Takes two inputs and a mask by name."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.numbers = nn.Linear(3, 4)

    def forward(self, words: Tensor, numbers: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the sum of both, without what is masked."""
        x = self.words(words) + self.numbers(numbers)
        return x if mask is None else x.masked_fill(mask, 0.0)


class TakesDict(Several):
    """Takes a dict with two entries."""

    def forward(self, batch: dict[str, Tensor]) -> Tensor:  # type: ignore[override]  # another form
        """Return the sum of both."""
        return super().forward(batch["words"], batch["numbers"])


class Whole(nn.Module):
    """Uses neither one of its layers nor half of its parameters: (batch, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(3, 2)
        self.unused = nn.Linear(3, 2, bias=False)
        self.used.bias.requires_grad_(False)
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        """Return two numbers a row."""
        return self.used(x - self.get_buffer("mean"))


class TooNarrow(nn.Module):
    """Its second layer does not fit its first: (batch, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, 5)
        self.fc2 = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Raise, since 5 is not 6."""
        return self.fc2(self.fc1(x))


class Modes(nn.Module):
    """Does more in training: (batch, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.fc = nn.Linear(4, 2)
        self.auxiliary = nn.Linear(4, 7)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return scores, and in training those of another head."""
        x = self.norm(x)
        if self.training:
            return self.fc(x), self.auxiliary(x)
        return self.fc(x)


torch.manual_seed(0)
ready = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
ready_lazy = Lazy()
ready_tied = Tied()


class Applies(nn.Module):
    """Applies a function to its inputs."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return what the function returns."""
        return self.function(*inputs)


class Holds(nn.Module):
    """Holds what a function makes."""

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.layer = make()

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return what the layer returns."""
        return self.layer(*inputs)

"""Guidance in a training loop of your own: half a minute on one core, `python examples/own_loop.py`.

The images are noise with a bright square, at another place for each class; a stripe at the edge gives the
class away as well. Guidance to the square's box makes the network look there.
"""

import torch
from torch.nn.functional import cross_entropy

import model_guidance as mg

SIZE, STEPS, LAMBDA = 32, 60, 1.0


def batch(count: int) -> tuple[torch.Tensor, torch.Tensor, list[list[tuple[int, tuple[int, int, int, int]]]]]:
    """Return images, class numbers, and per image a list of (class, (xmin, ymin, xmax, ymax))."""
    images, labels = 0.3 * torch.rand(count, 3, SIZE, SIZE), torch.randint(2, (count,))
    boxes = []
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, :, : 2 + 2 * label] = 1.0  # the shortcut
        left = 8 if label else 20
        image[label, 10:20, left : left + 10] = 1.0
        boxes.append([(label, (left, 10, left + 10, 20))])
    return images, labels, boxes


def train(weight: float) -> float:
    """Train for a few steps; return the share of the attribution inside the boxes of new images."""
    torch.manual_seed(0)
    model = mg.models.build("small", num_classes=2)
    guidance = mg.Guidance(model, layer="final", loss="energy")
    optimizer = torch.optim.Adam(guidance.parameters(), lr=1e-2)
    for _ in range(STEPS):
        images, labels, boxes = batch(16)
        regions = mg.from_boxes(boxes, size=(SIZE, SIZE))
        logits, localization = guidance(images, labels, regions)
        loss = cross_entropy(logits, labels) + weight * localization
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    images, labels, boxes = batch(64)
    maps = mg.attribute(model, images, labels, layer="final")
    masks = mg.from_boxes(boxes, size=(SIZE, SIZE)).masks
    return float(mg.metrics.energy_pointing_game(maps, masks).nanmean())


if __name__ == "__main__":
    for weight in (0.0, LAMBDA):
        print(f"lambda {weight:g}: {100 * train(weight):.0f} % of the attribution is inside the boxes")

"""The documentation's pictures: their colours after the reduction to a palette."""

from itertools import product

from PIL import Image, ImageColor, ImageDraw

from docs.screenshot import reduced
from stresswatch.monitoring.panels import COLOURS

INKS, PAPERS = ("#1f2933", "#52606d", "#d55e00", "#663399"), ("#f5f7fa", "#ffffff")


def page_with_a_legend():
    """Draw a legend of all colours, above the blends that the edges of many letters leave."""
    picture = Image.new("RGB", (780, 200), PAPERS[0])
    draw = ImageDraw.Draw(picture)
    pairs = [tuple(map(ImageColor.getrgb, pair)) for pair in product(INKS, PAPERS)]
    blends = [
        tuple(round(a + (b - a) * step / 100) for a, b in zip(ink, paper, strict=True))
        for ink, paper in pairs
        for step in range(1, 98)
    ]
    for left, blend in enumerate(blends):
        draw.line((left, 100, left, 119), fill=blend)
    for number, colour in enumerate(COLOURS):
        draw.rectangle((20 * number, 0, 20 * number + 11, 2), fill=colour)
    return picture


def test_lines_and_page_keep_their_colours_in_a_picture():
    picture = reduced(page_with_a_legend()).convert("RGB")
    assert picture.getpixel((0, 199)) == ImageColor.getrgb(PAPERS[0])
    for number, colour in enumerate(COLOURS):
        kept = picture.getpixel((20 * number, 0))
        differences = [abs(a - b) for a, b in zip(kept, ImageColor.getrgb(colour), strict=True)]
        assert max(differences) < 8, colour

"""Pictures of the demo shop's own goods, the same on its pages, in the chat and on posters."""

from functools import lru_cache

from domain.demo import goods as demo_goods
from domain.mall.catalog import ProductRow


@lru_cache(maxsize=128)
def picture(sku: str) -> bytes:
    """Return the picture of one of the demo's goods as JPEG. Raises KeyError for anything else."""
    from bot.pictures.product_art import draw_product

    good = demo_goods.products()[sku]
    return draw_product(good.kind, good.label, good.colour)


def own_picture(product: ProductRow) -> bytes | None:
    """Return the picture of a product whose address is one of the demo's; None for any other."""
    if product.image_url != f"{demo_goods.PICTURES}/{product.sku}.jpg" or product.sku not in demo_goods.products():
        return None
    return picture(product.sku)

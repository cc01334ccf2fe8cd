/** An image drawn as ink on paper: grey levels become the ink's opacity, so the page's colours show through. */
const SIDE = 28

/** The grey levels of the shipped copy run from 23 (background) to 221, so that is what blank and full ink are. */
const BLANK = 23
const FULL = 221

export function makeThumbnail(className: string): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = SIDE
  canvas.height = SIDE
  canvas.className = className
  canvas.setAttribute('aria-hidden', 'true')
  return canvas
}

/** `pixels` are 784 grey levels, 0..255; the style sheet turns the black ink white in dark mode. */
export function paintThumbnail(canvas: HTMLCanvasElement, pixels: ArrayLike<number>): void {
  const context = canvas.getContext('2d')
  if (context === null) return
  const image = context.createImageData(SIDE, SIDE)
  for (let i = 0; i < SIDE * SIDE; i++)
    image.data[i * 4 + 3] = (((pixels[i] ?? BLANK) - BLANK) * 255) / (FULL - BLANK)
  context.putImageData(image, 0, 0)
}

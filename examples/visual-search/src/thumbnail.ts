/** An image drawn as ink on paper: grey levels become the ink's opacity, so the page's colours show through. */
const SIDE = 28

/** The grey levels of the shipped copy run from 23 (background) to 221, so that is what blank and full ink are. */
const BLANK = 23
const FULL = 221

/** Drawn by the processor: for images this small, handing each to a graphics card costs more than drawing it. */
const CONTEXT: CanvasRenderingContext2DSettings = { willReadFrequently: true }

const scratch = document.createElement('canvas')
scratch.width = SIDE
scratch.height = SIDE

/** A canvas that holds one image. The style sheet turns the black ink white in dark mode. */
export function makeThumbnail(className: string, pixels: ArrayLike<number>): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = SIDE
  canvas.height = SIDE
  canvas.className = className
  canvas.setAttribute('aria-hidden', 'true')
  canvas.getContext('2d', CONTEXT)?.putImageData(inkOf(pixels), 0, 0)
  return canvas
}

/** Draws one image into a larger canvas, scaled to a square of `side` at `left`. */
export function drawThumbnail(
  canvas: HTMLCanvasElement,
  pixels: ArrayLike<number>,
  left: number,
  side: number,
): void {
  scratch.getContext('2d', CONTEXT)?.putImageData(inkOf(pixels), 0, 0)
  const context = canvas.getContext('2d', CONTEXT)
  context?.clearRect(left, 0, side, side)
  context?.drawImage(scratch, left, 0, side, side)
}

/** `pixels` are 784 grey levels, 0..255. */
function inkOf(pixels: ArrayLike<number>): ImageData {
  const image = new ImageData(SIDE, SIDE)
  for (let i = 0; i < SIDE * SIDE; i++)
    image.data[i * 4 + 3] = (((pixels[i] ?? BLANK) - BLANK) * 255) / (FULL - BLANK)
  return image
}

// A list of rows of one height, of which only the visible ones exist.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";

const EXTRA = 12;
const MOST_PIXELS = 8000000; // browsers lose precision, and at last rows, above some 16 million

/** The visible range of `total` rows in the element of `ref`: [first, last, offset of the first row, height]. */
export function useWindow(ref, total, rowHeight) {
  const [view, setView] = useState([0, 40]);
  const full = total * rowHeight;
  const height = Math.min(full, MOST_PIXELS);
  const measure = () => {
    const element = ref.current;
    if (!element) return;
    const top = element.scrollTop;
    const room = Math.max(1, height - element.clientHeight);
    const scaled = height < full ? (top / room) * (full - element.clientHeight) : top;
    const first = Math.max(0, Math.floor(scaled / rowHeight) - EXTRA);
    const last = Math.min(total, Math.ceil((scaled + element.clientHeight) / rowHeight) + EXTRA);
    setView((old) => (old[0] === first && old[1] === last && old[2] === top ? old : [first, last, top, scaled]));
  };
  useLayoutEffect(measure, [total, rowHeight]);
  useEffect(() => {
    const element = ref.current;
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, [total, rowHeight]);
  const [first, last, top = 0, scaled = 0] = view;
  const offset = first * rowHeight + (top - scaled);
  return { first: Math.min(first, total), last: Math.min(last, total), offset, height };
}

/** Scroll so that a row is visible. */
export function reveal(element, index, rowHeight) {
  const top = index * rowHeight;
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + rowHeight > element.scrollTop + element.clientHeight) element.scrollTop = top + rowHeight - element.clientHeight;
}

/** The box of the rows: as high as all of them, with the visible ones in place. */
export function Rows({ view, children }) {
  const outer = useRef(null);
  const inner = useRef(null);
  useLayoutEffect(() => {
    outer.current.style.height = `${view.height}px`;
    inner.current.style.transform = `translateY(${view.offset}px)`;
  });
  return html`<div ref=${outer} class="rows" role="presentation"><div ref=${inner} class="rows-shown" role="presentation">${children}</div></div>`;
}

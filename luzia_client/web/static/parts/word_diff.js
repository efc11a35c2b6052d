// What changed inside of a line: the words of a deleted line and of the added one in its place that differ.

const MOST_CHARS = 1000;
const MOST_STEPS = 40000;
const LEAST_COMMON = 0.3; // with less in common, the marks would say nothing
const WORD = /[\p{L}\p{N}_]+|\s+|./gsu;

/** Deleted line -> the added line that has replaced it, and the reverse, as indices. */
export function partnersOf(lines) {
  const found = new Map();
  let place = 0;
  while (place < lines.length) {
    const begin = place;
    while (lines[place]?.kind === "-") place += 1;
    const middle = place;
    while (lines[place]?.kind === "+") place += 1;
    for (let step = 0; step < Math.min(middle - begin, place - middle); step += 1) {
      found.set(begin + step, middle + step);
      found.set(middle + step, begin + step);
    }
    if (place === begin) place += 1;
  }
  return found;
}

/** Which words both lists have in the same order, as two arrays of booleans. */
function common(before, after) {
  const inBefore = new Array(before.length).fill(false);
  const inAfter = new Array(after.length).fill(false);
  let first = 0;
  let last = 0;
  const least = Math.min(before.length, after.length);
  while (first < least && before[first] === after[first]) first += 1;
  while (last < least - first && before[before.length - 1 - last] === after[after.length - 1 - last]) last += 1;
  inBefore.fill(true, 0, first).fill(true, before.length - last);
  inAfter.fill(true, 0, first).fill(true, after.length - last);
  const rows = before.length - first - last;
  const columns = after.length - first - last;
  if (rows * columns > MOST_STEPS) return [inBefore, inAfter];
  const longest = Array.from({ length: rows + 1 }, () => new Uint16Array(columns + 1));
  for (let row = rows - 1; row >= 0; row -= 1) {
    for (let column = columns - 1; column >= 0; column -= 1) {
      longest[row][column] = before[first + row] === after[first + column]
        ? longest[row + 1][column + 1] + 1
        : Math.max(longest[row + 1][column], longest[row][column + 1]);
    }
  }
  for (let row = 0, column = 0; row < rows && column < columns;) {
    if (before[first + row] === after[first + column]) {
      inBefore[first + row] = inAfter[first + column] = true;
      row += 1;
      column += 1;
    } else if (longest[row + 1][column] >= longest[row][column + 1]) row += 1;
    else column += 1;
  }
  return [inBefore, inAfter];
}

/** The words joined to pieces `[text, changed]`. */
function pieces(words, same) {
  const found = [];
  words.forEach((word, index) => {
    if (found.length && found.at(-1)[1] === !same[index]) found.at(-1)[0] += word;
    else found.push([word, !same[index]]);
  });
  return found;
}

/** The pieces of an old line and of a new one; null for lines that have too little in common, or are very long. */
export function compareWords(old, now) {
  if (Math.max(old.length, now.length) > MOST_CHARS) return null;
  const before = old.match(WORD) || [];
  const after = now.match(WORD) || [];
  const [inBefore, inAfter] = common(before, after);
  const shared = before.reduce((sum, word, index) => sum + (inBefore[index] ? word.trim().length : 0), 0);
  if (shared < LEAST_COMMON * Math.max(old.trim().length, now.trim().length)) return null;
  return [pieces(before, inBefore), pieces(after, inAfter)];
}

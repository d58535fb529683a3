/* How the networks count a text: what `social/networks/counting.py` does, by the same table and patterns, which the
   page brings along. Both are held to `tests/networks/vectors.json`; the server is the judge. */

const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });
const UTF8 = new TextEncoder();
const ASCII_LETTERS = /^[a-z]+/;
const ASCII = /^[\x00-\x7f]*$/;

const points = (text) => { let number = 0; for (const _ of text) number += 1; return number; };

/** `table` is `social.networks.counting.TABLE`. Positions are those of JavaScript's strings. */
export function counting(table) {
  const tlds = new Set(table.tlds.split(" "));
  const pattern = Object.fromEntries(
    Object.entries(table.patterns).map(([name, source]) => [name, new RegExp(source, name === "after_host" ? "uy" : "gu")]),
  );

  /* As much of it as is a host: up to the last label that is a top-level domain, or begins with one that other letters follow. */
  function hostOf(labels) {
    const parts = labels.split(".");
    for (let last = parts.length - 1; last > 0; last -= 1) {
      const label = parts[last].toLowerCase();
      if (!parts[last - 1].replace(/^[-_]+|[-_]+$/g, "")) continue;
      if (tlds.has(label) || (label.startsWith("xn--") && label.length > 4)) return parts.slice(0, last + 1).join(".");
      const beginning = ASCII_LETTERS.exec(label);
      if (beginning && tlds.has(beginning[0]) && !ASCII.test(label[beginning[0].length] ?? "a")) {
        return [...parts.slice(0, last), beginning[0]].join(".");
      }
    }
    return "";
  }

  function* linksBy(one, text, taken) {
    let at = 0;
    for (;;) {
      one.lastIndex = at;
      const match = one.exec(text);
      if (!match) return;
      const start = match.index;
      const first = start + match[0].length - match[1].length;
      const over = taken.find(([from, to]) => from <= start && start < to);
      if (over) { at = over[1]; continue; }
      const host = hostOf(match[1]);
      if (!host) { at = Math.max(first, start + 1); continue; }
      let end = first + host.length;
      if (host.length === match[1].length) {
        pattern.after_host.lastIndex = end;
        end += pattern.after_host.exec(text)[0].length;
      }
      yield [start, end];
      at = end;
    }
  }

  /** Where the links stand, as pairs; `bare`: those without https:// count, too. */
  function links(text, bare = false) {
    const found = [...linksBy(pattern.with_scheme, text, [])];
    if (bare) found.push(...linksBy(pattern.bare, text, [...found]));
    return found.sort((a, b) => a[0] - b[0]);
  }

  function around(text, found) {
    const pieces = [];
    let at = 0;
    for (const [start, end] of found) {
      pieces.push(text.slice(at, start), " ");
      at = end;
    }
    return [...pieces, text.slice(at)];
  }
  const withoutLinks = (text) => around(text, links(text)).join("");
  const number = (one, text) => (text.match(one) || []).length;
  const weight = (sign) => (table.light.some(([low, high]) => low <= sign.codePointAt(0) && sign.codePointAt(0) <= high) ? 1 : 2);
  const utf8 = (text) => UTF8.encode(text).length;
  function graphemes(text) {
    if (ASCII.test(text) && !text.includes("\r")) return text.length;
    let sum = 0;
    // Line by line: the segmenter gets slow on long texts, and no grapheme goes over the end of a line.
    for (const line of text.split(/(?<=\n)/)) for (const _ of SEGMENTER.segment(line)) sum += 1;
    return sum;
  }

  const counts = {
    characters: points,
    graphemes,
    utf8,
    weighted(text) {
      const words = text.normalize("NFC");
      const found = links(words, true);
      let total = (table.link_length - 1) * found.length;
      for (const piece of around(words, found)) {
        total += 2 * number(pattern.emoji, piece);
        for (const sign of piece.replace(pattern.emoji, "")) total += weight(sign);
      }
      return total;
    },
    links_as_23(text) {
      const found = links(text);
      return graphemes(around(text, found).join("").replace(pattern.address, "$1")) + (table.link_length - 1) * found.length;
    },
    emoji_as_bytes: (text) =>
      (text.match(pattern.emoji) || []).reduce((sum, one) => sum + utf8(one) - points(one), points(text)),
  };

  return {
    counts,
    links,
    hashtags: (text) => number(pattern.hashtag, withoutLinks(text)),
    mentions: (text) => number(pattern.mention, withoutLinks(text)),
    linkCount: (text) => new Set(links(text).map(([start, end]) => text.slice(start, end))).size,
    /** How much of a text, from its beginning, a limit leaves room for; never within a grapheme. */
    fitting(name, text, limit) {
      const count = counts[name];
      if (count(text) <= limit) return text.length;
      const ends = [...SEGMENTER.segment(text)].map((one) => one.index + one.segment.length);
      let low = 0;
      let high = ends.length;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (count(text.slice(0, ends[middle - 1])) <= limit) low = middle;
        else high = middle - 1;
      }
      return low ? ends[low - 1] : 0;
    },
  };
}

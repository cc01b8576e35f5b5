/** Text in HTML and SVG: whatever stands in a history is shown, and never read as markup. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Characters of one text that are shown. */
const LONGEST = 2_000

/** Cut where it is long; control characters, which no browser shows, are replaced. */
export function escaped(text: string, longest = LONGEST): string {
  const shown = text.length <= longest ? text : `${text.slice(0, longest)}...`
  return shown.replace(/[^\P{Cc}\n\t]/gu, '\ufffd').replace(/[&<>"']/g, (each) => ENTITIES[each]!)
}

/** For SVG: short, and nothing else than a number. */
export function rounded(number: number): string {
  return Number.isFinite(number) ? String(Math.round(number * 10) / 10) : '0'
}

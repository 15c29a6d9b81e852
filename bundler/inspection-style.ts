/** How the page of an inspection looks. Colours keep a contrast of 4.5 with the text on them, in both schemes. */
export const STYLE = `
:root {
  --page: #ffffff; --text: #1d2330; --faint: #5a6375; --line: #d5dae3; --mark: #fff3c4;
  --stage: #d9c8f0; --own: #a9cdf4; --package: #a8dcc0; --demand: #f5cf9b; --map: #dfe3ea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171d; --text: #e8ebf1; --faint: #a0a9ba; --line: #333a47; --mark: #4a4120;
    --stage: #54417a; --own: #1f4d80; --package: #1f5c3f; --demand: #75500f; --map: #3a4150;
  }
}
body { margin: 0 auto; max-width: 80rem; padding: 1rem 1.5rem 3rem; background: var(--page); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
.hash { margin: .2rem 0 1rem; color: var(--faint); font: 12px ui-monospace, monospace; overflow-wrap: anywhere; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin: 0 0 1rem; }
dt { color: var(--faint); font-size: .85rem; }
dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: 0 0 .6rem; padding: 0; list-style: none; font-size: .85rem; }
.swatch { width: .8rem; height: .8rem; vertical-align: -.05rem; }
svg { display: block; width: 100%; height: auto; }
.legend svg { display: inline-block; }
svg text { fill: var(--text); font: 11px ui-monospace, monospace; pointer-events: none; }
svg a rect { stroke: var(--page); stroke-width: 1; }
.stage { fill: var(--stage); } .own { fill: var(--own); } .package { fill: var(--package); }
.demand { fill: var(--demand); } .map { fill: var(--map); }
.border { fill: none; stroke: var(--page); stroke-width: 4; pointer-events: none; }
svg .detail { display: none; font-size: 12px; }
svg .hint { fill: var(--faint); font-size: 12px; }
svg a:hover rect, svg a:focus rect { fill: var(--mark); stroke: var(--text); stroke-width: 2; }
svg a:focus { outline: none; }
svg a:hover .detail, svg a:focus .detail { display: inline; }
svg:has(a:hover) a:focus:not(:hover) .detail { display: none; }
svg:has(a:hover, a:focus) .hint { display: none; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; font-weight: normal; }
thead th, tfoot th, [scope="rowgroup"] { font-weight: 600; }
thead th { color: var(--faint); border-bottom: 1px solid var(--line); }
tfoot th, tfoot td { border-top: 1px solid var(--line); }
tbody + tbody [scope="rowgroup"] { padding-top: .8rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font: 12px ui-monospace, monospace; }
pre { overflow-wrap: anywhere; white-space: pre-wrap; }
tr:target { background: var(--mark); }
`;

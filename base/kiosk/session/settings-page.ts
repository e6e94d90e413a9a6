import { readFile } from "node:fs/promises";

/** The settings page, without what it does: `settingsScript`. Calm as what is shown in a piece's place (problem-page.ts). */
export function settingsPage(): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Settings</title>
<style>
  :root { color-scheme: dark }
  html { background: #000; color: #d8dce8; font: clamp(16px, 2.5vmin, 44px)/1.4 "DejaVu Sans", sans-serif }
  body { margin: 0 auto; max-width: 40em; padding: 1em 1em 0; box-sizing: border-box; min-height: 100vh; display: flex; flex-direction: column }
  h1 { font-size: 1.5em; font-weight: normal; margin: 0.2em 0 0.6em; outline: none }
  main { flex: 1 }
  button, input, .row { font: inherit; color: inherit; box-sizing: border-box }
  .row { display: flex; align-items: center; gap: 1em; width: 100%; min-height: max(2.6em, 44px); padding: 0.3em 0.8em; margin: 0 0 0.3em;
    background: #12141c; border: 2px solid transparent; border-radius: 0.4em; text-align: left }
  .row .label { flex: 1; overflow-wrap: anywhere }
  .row .value { color: #9aa2b8; text-align: right }
  .row[aria-current=true] .value { color: #fff }
  .row input[type=range] { flex: 2; min-height: 44px; accent-color: #d8dce8 }
  .text { margin: 0 0 0.6em; color: #9aa2b8 }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.3em 1em; margin: 0 0 1em; color: #9aa2b8 }
  dd { margin: 0; color: #d8dce8; overflow-wrap: anywhere }
  pre { font: 0.7em/1.4 "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; outline-offset: 0.4em }
  input[type=text], input[type=password] { width: 100%; min-height: max(2.6em, 44px); padding: 0 0.8em; margin: 0 0 0.3em; background: #000; border: 2px solid #3a4052; border-radius: 0.4em }
  .keys { display: grid; gap: 0.25em; margin: 0.4em 0 }
  .keys div { display: flex; gap: 0.25em }
  .keys button { flex: 1; min-height: max(2.2em, 40px); min-width: 0; padding: 0; background: #1a1d28; border: 2px solid transparent; border-radius: 0.3em }
  :focus-visible, :focus { outline: none; border-color: #8fb4ff }
  pre:focus { outline: 2px solid #8fb4ff }
  .row:active, .keys button:active { background: #2a2f40 }
  .row:disabled { opacity: 0.6 }
  #said { margin: 0; padding: 0.4em 0; color: #fff; position: sticky; bottom: 0; background: #000 }
  #said:empty { padding: 0 }
</style>
<body>
<main><h1 id="title" tabindex="-1">Settings</h1><div id="screen"></div></main>
<p id="said" role="status" aria-live="polite"></p>
</body>
</html>
`;
}

/** What the page does: `kioskStart` with what there is to choose, then `kioskShow` with each state (control-state.ts). */
export async function settingsScript(): Promise<string> {
  return await readFile(new URL("in-settings-page.js", import.meta.url), "utf8");
}

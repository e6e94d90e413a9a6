// Runs in the settings page (settings-page.ts), which has no address and no network. It draws each state that the session
// gives `kioskShow`, and says what somebody does by `kioskControl`, which exists in this page alone. A screen is a list of
// rows; keys, a finger and a gamepad all go through them, and Escape, B and the first row lead back.
{
  /** @typedef {import("./control-state.ts").ControlState} State */
  /** @typedef {import("./control-state.ts").ControlChoices} Choices */
  /** @typedef {import("./control-state.ts").ControlCall} Call */
  /**
   * A row of a screen, kept as long as its key is there.
   * @typedef {{ key: string, label: string, value?: string, current?: boolean, pressed?: boolean, disabled?: boolean, go: () => void }} Row
   * @typedef {{ key: string, label: string, slider: number, min: number, set: (value: number) => void }} Slider
   * @typedef {{ key: string, make: () => HTMLElement, update?: (element: HTMLElement) => void }} Other
   * @typedef {Row | Slider | Other} Item
   */

  /** @type {State | undefined} */
  let state;
  /** @type {Choices} */
  let choices = { layouts: [], rotations: [], scales: [] };
  /** The screens from the first one to the one that is shown, and where the focus was on each. */
  const path = [{ name: "main", focus: "" }];
  /** What has to do with the screens beyond the first. */
  let layout = "";
  let ssid = "";
  let passphrase = "";
  let isSeen = false;
  /** @type {"restart-piece" | "restart" | "switch-off"} */
  let deed = "restart-piece";
  /** Whether somebody has pressed a key of a keyboard: then there need be none on the screen. */
  let hasKeys = false;
  let showsKeys = false;
  /** @type {"lower" | "upper" | "signs"} */
  let layer = "lower";
  let said = 0;

  const screen = /** @type {HTMLElement} */ (document.getElementById("screen"));
  const title = /** @type {HTMLElement} */ (document.getElementById("title"));

  /** @param {Call} message */
  const call = (message) => Reflect.get(globalThis, "kioskControl")?.(JSON.stringify(message));
  /** @param {string} name */
  const goTo = (name) => {
    const here = path[path.length - 1];
    if (here) here.focus = focusedKey();
    path.push({ name, focus: "" });
    draw(true);
  };
  const back = () => {
    passphrase = "";
    if (path.length === 1) call({ do: "close" });
    else {
      path.pop();
      draw(true);
    }
  };
  const focusedKey = () =>
    /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-key]"))?.dataset.key ?? "";

  const BARS = ["", "▂", "▂▄", "▂▄▆", "▂▄▆█"];
  /** @type {Record<number, string>} */
  const TURNED = { 0: "upright", 90: "90° clockwise", 180: "upside down", 270: "90° the other way" };
  const DEEDS = {
    "restart-piece": ["Start the piece again", "What it has not saved is lost.", "Start it again"],
    restart: ["Restart the machine", "The piece ends.", "Restart"],
    "switch-off": ["Switch off", "The piece ends.", "Switch off"],
  };
  const layoutNamed = (/** @type {string} */ code) => choices.layouts.find((each) => each.code === code);

  /** @type {Record<string, () => [string, Item[]]>} */
  const screens = {
    main: () => ["Settings", mainRows(/** @type {State} */ (state))],
    wifi: () => ["Wireless network", wifiRows(/** @type {State} */ (state))],
    passphrase: () => [ssid, passphraseRows()],
    keyboard: () => [
      "Keyboard",
      choices.layouts.map(({ code, name, variants }) => ({
        key: code,
        label: name,
        value: state?.keyboard.layout === code ? "✓" : variants.length > 0 ? "›" : "",
        current: state?.keyboard.layout === code,
        go: () => {
          layout = code;
          if (variants.length > 0) goTo("variant");
          else choose("keyboard", { layout: code });
        },
      })),
    ],
    variant: () => [
      layoutNamed(layout)?.name ?? "",
      ["", ...(layoutNamed(layout)?.variants ?? [])].map((variant) => ({
        key: `v-${variant}`,
        label: variant || "as usual",
        ...chosen(state?.keyboard.layout === layout && (state.keyboard.variant ?? "") === variant),
        go: () => {
          path.pop();
          choose("keyboard", variant ? { layout, variant } : { layout });
        },
      })),
    ],
    rotation: () => [
      "Turn the picture",
      choices.rotations.map((degrees) => ({
        key: `r-${degrees}`,
        label: TURNED[degrees] ?? "",
        ...chosen(state?.rotation === degrees),
        go: () => choose("rotation", degrees),
      })),
    ],
    scale: () => [
      "Larger by",
      choices.scales.map((scale) => ({
        key: `s-${scale}`,
        label: `${scale} times`,
        ...chosen(state?.scale === scale),
        go: () => choose("scale", scale),
      })),
    ],
    sink: () => [
      "Sound goes to",
      (state?.sinks ?? []).map(({ id, description, isChosen }) => ({
        key: `o-${id}`,
        label: description,
        ...chosen(isChosen),
        go: () => {
          call({ do: "sink", value: id });
          back();
        },
      })),
    ],
    about: () => [
      "What runs here",
      [
        {
          key: "facts",
          make: () => document.createElement("dl"),
          update: (element) => {
            const lines = (state?.facts ?? []).flatMap(([name, value]) => [
              text("dt", name),
              text("dd", value),
            ]);
            element.replaceChildren(...lines);
          },
        },
        {
          key: "log",
          label: "Log",
          value: "›",
          go: () => {
            call({ do: "log" });
            goTo("log");
          },
        },
      ],
    ],
    log: () => [
      "Log",
      [
        {
          key: "lines",
          make: () => Object.assign(document.createElement("pre"), { tabIndex: 0 }),
          update: (element) => {
            const lines = state?.log ?? "…";
            if (element.textContent === lines) return;
            element.textContent = lines;
            window.scrollTo(0, document.body.scrollHeight);
          },
        },
      ],
    ],
    sure: () => [
      DEEDS[deed][0] ?? "",
      [
        note("what", DEEDS[deed][1] ?? ""),
        {
          key: "do",
          label: DEEDS[deed][2] ?? "",
          go: () => {
            call({ do: deed });
            back();
          },
        },
      ],
    ],
  };

  /** @param {State} now @returns {Item[]} */
  function mainRows(now) {
    const { wifi, keyboard, sinks, battery, isChanged, canKeep } = now;
    const joined = now.joining ? `${now.joining} …` : wifi?.networks.find(({ isJoined }) => isJoined)?.ssid;
    /** @param {string} key @param {string} label @param {string} value @returns {Row} */
    const opens = (key, label, value) => ({ key, label, value: `${value} ›`, go: () => goTo(key) });
    /** @param {keyof typeof DEEDS} what @returns {Row} */
    const asks = (what) => ({
      key: what,
      label: DEEDS[what][0] ?? "",
      go: () => {
        deed = what;
        goTo("sure");
      },
    });
    return [
      ...(wifi ? [opens("wifi", "Wireless network", joined ?? "none")] : []),
      ...(now.volume === undefined
        ? []
        : [slider("volume", "Volume", now.volume, 0, (value) => call({ do: "set", key: "volume", value }))]),
      ...(sinks && sinks.length > 1
        ? [opens("sink", "Sound goes to", sinks.find(({ isChosen }) => isChosen)?.description ?? "")]
        : []),
      ...(now.brightness === undefined
        ? []
        : [
            slider("brightness", "Brightness", now.brightness, 1, (value) =>
              call({ do: "brightness", value }),
            ),
          ]),
      opens(
        "keyboard",
        "Keyboard",
        [layoutNamed(keyboard.layout)?.name, keyboard.variant].filter(Boolean).join(", "),
      ),
      opens("rotation", "Turn the picture", TURNED[now.rotation] ?? ""),
      opens("scale", "Larger by", `${now.scale} times`),
      ...(battery
        ? [note("battery", `Battery: ${battery.percent} %${battery.isCharging ? ", on power" : ""}`)]
        : []),
      ...(isChanged && canKeep
        ? [
            {
              key: "keep",
              label: "Keep this on the stick",
              value: "now: until the next start",
              go: () => call({ do: "keep" }),
            },
          ]
        : []),
      ...(isChanged && !canKeep ? [note("lasts", "What is set lasts until the next start.")] : []),
      opens("about", "What runs here", ""),
      asks("restart-piece"),
      asks("restart"),
      asks("switch-off"),
    ];
  }

  /** @param {State} now @returns {Item[]} */
  function wifiRows({ wifi, joining }) {
    return [
      {
        key: "scan",
        label: wifi?.isScanning ? "Looking for networks …" : "Look again",
        disabled: wifi?.isScanning === true,
        go: () => call({ do: "scan" }),
      },
      ...(wifi?.networks ?? []).map(
        /** @returns {Row} */ (network) => ({
          key: `n-${network.isOpen} ${network.ssid}`,
          label: network.ssid,
          value: `${network.ssid === joining ? "joining … " : network.isJoined ? "joined " : ""}${network.isOpen ? "open " : ""}${BARS[network.bars]}`,
          current: network.isJoined,
          disabled: joining !== undefined,
          go: () => {
            ssid = network.ssid;
            if (network.isOpen || network.isKnown) call({ do: "join", ssid });
            else {
              showsKeys = !hasKeys;
              goTo("passphrase");
            }
          },
        }),
      ),
    ];
  }

  /** @returns {Item[]} */
  function passphraseRows() {
    const field = () => /** @type {HTMLInputElement} */ (screen.querySelector("input"));
    const join = () => {
      const given = field().value;
      if (!/^[ -~]{8,63}$/.test(given))
        return say("A passphrase has 8 to 63 characters: letters without accents, digits, signs.");
      call({ do: "join", ssid, passphrase: given });
      back();
    };
    return [
      {
        key: "field",
        make: () => {
          const input = document.createElement("input");
          Object.assign(input, {
            type: "password",
            autocomplete: "off",
            maxLength: 63,
            ariaLabel: "Passphrase",
          });
          input.addEventListener("keydown", (event) => {
            if (event.key !== "Enter") return;
            event.preventDefault(); // or it is pressed on what has the focus then
            join();
          });
          input.addEventListener("input", () => (passphrase = input.value));
          return input;
        },
        update: (element) => {
          const input = /** @type {HTMLInputElement} */ (element);
          input.type = isSeen ? "text" : "password";
          if (input.value !== passphrase) input.value = passphrase;
        },
      },
      ...(showsKeys ? [keys()] : []),
      { key: "join", label: "Join", go: join },
      {
        key: "seen",
        label: "Show the passphrase",
        ...switched(isSeen),
        go: () => {
          isSeen = !isSeen;
          draw(false);
        },
      },
      {
        key: "keys",
        label: "Keys on the screen",
        ...switched(showsKeys),
        go: () => {
          showsKeys = !showsKeys;
          draw(false);
        },
      },
    ];
  }

  const LAYERS = {
    lower: ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"],
    upper: ["1234567890", "QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM"],
    signs: ["!\"#$%&'()*", "+,-./:;<=>", "?@[\\]^_`", "{|}~"],
  };

  /** A keyboard for fingers and gamepads. @returns {Item} */
  function keys() {
    /** @param {string} label @param {string} name @param {() => void} onPress */
    const key = (label, name, onPress) => {
      const button = text("button", label);
      button.dataset.key = `key-${name}`;
      button.ariaLabel = name;
      button.addEventListener("click", onPress);
      return button;
    };
    /** @param {string} character */
    const types = (character) => () => {
      passphrase = (passphrase + character).slice(0, 63);
      draw(false);
    };
    /** @param {typeof layer} to */
    const shift = (to) => () => {
      layer = layer === to ? "lower" : to;
      draw(false);
    };
    return {
      key: `board-${layer}`,
      make: () => {
        const board = document.createElement("div");
        board.className = "keys";
        const rows = LAYERS[layer].map((row) =>
          row.split("").map((character) => key(character, character, types(character))),
        );
        rows.push([
          key("⇧", "capital letters", shift("upper")),
          key("#+=", "signs", shift("signs")),
          key("␣", "space", types(" ")),
          key("⌫", "delete", () => {
            passphrase = passphrase.slice(0, -1);
            draw(false);
          }),
        ]);
        for (const row of rows) {
          const line = document.createElement("div");
          line.append(...row);
          board.append(line);
        }
        return board;
      },
    };
  }

  /** @param {boolean} is */
  const chosen = (is) => ({ value: is ? "✓" : "", current: is });
  /** @param {boolean} is */
  const switched = (is) => ({ value: is ? "✓" : "", pressed: is });
  /** @param {"keyboard" | "rotation" | "scale"} key @param {unknown} value */
  const choose = (key, value) => {
    call({ do: "set", key, value });
    back();
  };
  /** @param {string} key @param {string} words @returns {Item} */
  const note = (key, words) => ({
    key,
    make: () => Object.assign(document.createElement("p"), { className: "text" }),
    update: (element) => {
      if (element.textContent !== words) element.textContent = words;
    },
  });
  /** @param {string} key @param {string} label @param {number} value @param {number} min @param {(value: number) => void} set @returns {Slider} */
  const slider = (key, label, value, min, set) => ({ key, label, slider: value, min, set });
  /** @param {string} name @param {string} words */
  const text = (name, words) => Object.assign(document.createElement(name), { textContent: words });
  /** @param {string} words */
  const say = (words) => {
    const line = /** @type {HTMLElement} */ (document.getElementById("said"));
    line.textContent = "";
    line.textContent = words;
  };

  /** What each row that is on the screen does now, by its key. @type {Map<string, Item>} */
  let items = new Map();

  /** Draw the screen; rows that stay keep their element, and with it the focus. @param {boolean} isNew */
  function draw(isNew) {
    if (!state) return;
    const here = path[path.length - 1] ?? { name: "main", focus: "" };
    const [heading, rows] = screens[here.name]?.() ?? ["", []];
    title.textContent = heading;
    /** @type {Item[]} */
    const all = [
      { key: "back", label: path.length === 1 ? "‹ Back to the piece" : "‹ Back", go: back },
      ...rows,
    ];
    items = new Map(all.map((item) => [item.key, item]));
    const before = focusedKey();
    if (isNew) screen.replaceChildren();
    const there = new Map(
      [...screen.children].map((element) => [
        /** @type {HTMLElement} */ (element).dataset.key ?? "",
        /** @type {HTMLElement} */ (element),
      ]),
    );
    for (const [key, element] of there) if (!items.has(key)) element.remove();
    let last = /** @type {HTMLElement | null} */ (null);
    for (const item of all) {
      const element = there.get(item.key) ?? made(item);
      update(element, item);
      if (last ? last.nextElementSibling !== element : screen.firstElementChild !== element) {
        if (last) last.after(element);
        else screen.prepend(element);
      }
      last = element;
    }
    if (isNew) window.scrollTo(0, 0);
    const wanted = isNew ? here.focus || startOf(here.name) : before;
    if (isNew || focusedKey() !== wanted) focusOn(wanted);
  }

  /** Where the focus begins on a screen: on what is chosen now, on the field, or on the first row after the way back. @param {string} name */
  function startOf(name) {
    if (name === "sure") return "back";
    const current = /** @type {HTMLElement | null} */ (screen.querySelector("[aria-current=true]"));
    return current?.dataset.key ?? focusable()[1]?.closest("[data-key]")?.getAttribute("data-key") ?? "back";
  }

  /** @param {string} key */
  function focusOn(key) {
    const row = [...screen.querySelectorAll("[data-key]")].find(
      (each) => each.getAttribute("data-key") === key,
    );
    const target = row?.matches("button, input, pre")
      ? row
      : (row?.querySelector("input") ?? screen.querySelector("button"));
    if (!(target instanceof HTMLElement)) return;
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: "nearest" });
  }

  /** @param {Item} item */
  function made(item) {
    if ("make" in item) {
      const element = item.make();
      element.dataset.key = item.key;
      return element;
    }
    const element = document.createElement("slider" in item ? "label" : "button");
    element.className = "row";
    element.dataset.key = item.key;
    element.append(Object.assign(text("span", ""), { className: "label" }));
    if ("slider" in item) {
      const input = Object.assign(document.createElement("input"), {
        type: "range",
        min: item.min,
        max: 100,
        step: 1,
      });
      input.addEventListener("input", () => item.set(Number(input.value)));
      element.append(input);
    } else {
      element.addEventListener("click", () => {
        const now = items.get(item.key);
        if (now && "go" in now && !now.disabled) now.go();
      });
    }
    element.append(Object.assign(text("span", ""), { className: "value" }));
    return element;
  }

  /** @param {HTMLElement} element @param {Item} item */
  function update(element, item) {
    if ("make" in item) return item.update?.(element);
    const [label, value] = [element.querySelector(".label"), element.querySelector(".value")];
    if (label && label.textContent !== item.label) label.textContent = item.label;
    const words = "slider" in item ? `${item.slider} %` : (item.value ?? "");
    if (value && value.textContent !== words) value.textContent = words;
    if ("slider" in item) {
      const input = element.querySelector("input");
      if (input && document.activeElement !== input) input.value = String(item.slider);
      return undefined;
    }
    if (item.current === undefined) element.removeAttribute("aria-current");
    else element.ariaCurrent = String(item.current);
    if (item.pressed !== undefined) element.ariaPressed = String(item.pressed);
    element.ariaDisabled = String(item.disabled === true); // it keeps the focus, and does nothing
    return undefined;
  }

  /** @returns {HTMLElement[]} */
  const focusable = () => [...screen.querySelectorAll(/** @type {"button"} */ ("button, input, pre"))];

  /** Move the focus to what is nearest that way. @param {number} x @param {number} y */
  function move(x, y) {
    const from = document.activeElement;
    if (!(from instanceof HTMLElement) || !screen.contains(from))
      return focusOn(startOf(path[path.length - 1]?.name ?? ""));
    if (y !== 0 && from.matches("pre")) {
      const before = window.scrollY;
      window.scrollBy(0, y * window.innerHeight * 0.8);
      if (window.scrollY !== before) return undefined;
    }
    const a = from.getBoundingClientRect();
    /** @param {HTMLElement} element */
    const distance = (element) => {
      const b = element.getBoundingClientRect();
      const dx = (b.left + b.right - a.left - a.right) / 2;
      const dy = (b.top + b.bottom - a.top - a.bottom) / 2;
      const [along, across] = y !== 0 ? [dy * y, dx] : [dx * x, dy];
      const isThatWay = along > 2 && (y !== 0 || Math.abs(dy) < a.height / 2);
      return isThatWay ? along * 3 + Math.abs(across) : Infinity;
    };
    const best = focusable()
      .map((element) => ({ element, far: distance(element) }))
      .sort((one, other) => one.far - other.far)[0];
    if (!best || best.far === Infinity) return undefined;
    best.element.focus({ preventScroll: true });
    best.element.scrollIntoView({ block: "nearest" });
    return undefined;
  }

  /** What a gamepad does, and arrows where the browser has nothing of its own. @param {string} key */
  function press(key) {
    const at = document.activeElement;
    if (key === "Escape") return back();
    if (key === "Enter") return at instanceof HTMLElement && at !== title ? at.click() : undefined;
    if (key === "ArrowUp") return move(0, -1);
    if (key === "ArrowDown") return move(0, 1);
    const right = key === "ArrowRight" ? 1 : -1;
    if (at instanceof HTMLInputElement && at.type === "range") {
      at.value = String(Number(at.value) + 5 * right);
      at.dispatchEvent(new Event("input"));
      return undefined;
    }
    return move(right, 0);
  }

  document.addEventListener(
    "keydown",
    (event) => {
      const { key, ctrlKey, altKey, metaKey } = event;
      if (event.isTrusted && key !== "Meta" && key !== "F1") hasKeys = true;
      const isWriting = document.activeElement?.matches("input[type=text], input[type=password]") === true;
      if (/^F\d+$/.test(key) || altKey || metaKey || (ctrlKey && !/^[acvx]$/.test(key)))
        event.preventDefault();
      else if (event.repeat && key === "Enter") event.preventDefault();
      else if (
        key === "Escape" ||
        key === "ArrowUp" ||
        key === "ArrowDown" ||
        (key.startsWith("Arrow") && !isWriting)
      ) {
        event.preventDefault();
        if (!(event.repeat && key === "Escape")) press(key);
      } else if (/^\p{L}$/u.test(key) && !isWriting) {
        const rows = focusable();
        const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
        const found = [...rows.slice(at + 1), ...rows.slice(0, at)].find((row) =>
          row.textContent?.toLowerCase().startsWith(key.toLowerCase()),
        );
        found?.focus();
      }
    },
    { capture: true },
  );
  document.addEventListener("contextmenu", (event) => event.preventDefault());
  document.addEventListener("wheel", (event) => void (event.ctrlKey && event.preventDefault()), {
    passive: false,
  });

  /** The buttons of a gamepad (W3C Gamepad, "standard gamepad"), and the keys they are. */
  const BUTTONS = {
    0: "Enter",
    1: "Escape",
    12: "ArrowUp",
    13: "ArrowDown",
    14: "ArrowLeft",
    15: "ArrowRight",
  };
  const AGAIN_MS = 300;
  /** Since when each is down, and when it is to count again. @type {Map<string, number>} */
  const down = new Map();
  function look() {
    requestAnimationFrame(look);
    /** @type {Set<string>} */
    const now = new Set();
    for (const pad of navigator.getGamepads()) {
      if (!pad) continue;
      for (const [button, key] of Object.entries(BUTTONS))
        if (pad.buttons[Number(button)]?.pressed) now.add(key);
      const [x = 0, y = 0] = pad.axes;
      if (Math.abs(x) > 0.6) now.add(x > 0 ? "ArrowRight" : "ArrowLeft");
      if (Math.abs(y) > 0.6) now.add(y > 0 ? "ArrowDown" : "ArrowUp");
    }
    for (const key of down.keys()) if (!now.has(key)) down.delete(key);
    for (const key of now) {
      const due = down.get(key);
      if (due !== undefined && (performance.now() < due || !key.startsWith("Arrow"))) continue;
      // What was held to get here does not count
      if (started) press(key);
      down.set(key, performance.now() + AGAIN_MS);
    }
    started = true;
  }
  let started = false;
  if ("getGamepads" in navigator) look();

  Object.assign(globalThis, {
    /** @param {Choices} given */
    kioskStart(given) {
      choices = given;
      call({ do: "ready" });
    },
    /** @param {State} given */
    kioskShow(given) {
      const isFirst = state === undefined;
      state = given;
      if (given.said.times !== said) say(given.said.words);
      said = given.said.times;
      draw(isFirst);
    },
  });
}

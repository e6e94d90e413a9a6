/** Red, green, blue. */
export type Rgb = readonly [number, number, number];

/** For who likes it dark. */
export const dark = {
  back: [24, 10, 40],
  scan: [29, 13, 48],
  panel: [40, 18, 64],
  edge: [120, 56, 150],
  title: [255, 120, 200],
  shade: [92, 30, 110],
  text: [232, 216, 248],
  dim: [158, 132, 190],
  track: [58, 32, 88],
  from: [130, 70, 220],
  bar: [255, 92, 180],
  press: [110, 36, 120],
  key: [255, 150, 214],
  good: [130, 240, 170],
  bad: [255, 150, 120],
  glass: [18, 6, 32],
  body: [214, 110, 220],
  light: [255, 190, 236],
  paper: [246, 236, 252],
  black: [0, 0, 0],
  white: [255, 255, 255],
} satisfies Record<string, Rgb>;

/** The name of a colour, whether it is dark or light. */
export type ColorName = keyof typeof dark;

/** The same names, for who likes it light. */
export const light: Record<ColorName, Rgb> = {
  back: [252, 240, 250],
  scan: [248, 232, 247],
  panel: [244, 222, 244],
  edge: [206, 130, 200],
  title: [190, 30, 120],
  shade: [240, 196, 228],
  text: [60, 24, 84],
  dim: [122, 86, 146],
  track: [232, 206, 236],
  from: [140, 80, 220],
  bar: [220, 50, 140],
  press: [246, 176, 220],
  key: [180, 20, 120],
  good: [16, 112, 64],
  bad: [186, 46, 20],
  glass: [70, 30, 96],
  body: [196, 90, 200],
  light: [255, 190, 236],
  paper: [255, 252, 255],
  black: [0, 0, 0],
  white: [255, 255, 255],
};

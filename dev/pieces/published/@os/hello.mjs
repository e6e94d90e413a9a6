// hello, 2026
// A published piece, for trying `os @os/hello`.

const SIZE = 12;

// 🎨 Paint (A square that walks along the top.)
/** @param {Record<string, any>} $ */
function paint({ wipe, ink, box, screen, paintCount }) {
  wipe(0, 90, 60);
  ink(255, 220, 0);
  box((paintCount % (screen.width + SIZE)) - SIZE, 8, SIZE, SIZE);
}

export { paint };

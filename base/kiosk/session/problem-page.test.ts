import { expect, test } from "vitest";
import { problemPage } from "./problem-page.ts";
import { PROBLEMS, type ProblemCode } from "./problem.ts";

test.each(Object.keys(PROBLEMS) as ProblemCode[])("%s has a page that says what to do", (code) => {
  const { body } = problemPage(code);
  const titles: Partial<Record<ProblemCode, string>> = {
    "no-filesystem": "No piece yet",
    "no-folder": "The piece is gone",
  };
  const title = titles[code] ?? "The piece is damaged";
  expect(body).toContain(`<h1>${title}</h1>`);
  expect(String(body).includes(`(${PROBLEMS[code]})`)).toBe(!(code in titles));
});

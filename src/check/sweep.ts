/**
 * What was certain before somebody asked: answers in the order in which they came, questions in the order in which they were asked. An answer that came
 * at the moment of a question counts for nothing.
 */
export interface Certain<Value> {
  readonly completedMs: number
  readonly value: Value
}

export interface Asked<Question> {
  readonly invokedMs: number
  readonly question: Question
}

/** `learn` is called for each certain value before `ask` for the first question that was asked after it. */
export function sweep<Value, Question>(
  certain: readonly Certain<Value>[],
  asked: readonly Asked<Question>[],
  learn: (value: Value) => void,
  ask: (question: Question) => void,
): void {
  const answers = certain.toSorted((a, b) => a.completedMs - b.completedMs)
  let next = 0
  for (const { invokedMs, question } of asked.toSorted((a, b) => a.invokedMs - b.invokedMs)) {
    while (next < answers.length && answers[next]!.completedMs < invokedMs) learn(answers[next++]!.value)
    ask(question)
  }
}

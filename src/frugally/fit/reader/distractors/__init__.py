"""Distractors: sentences like the answer's, made by rule, that do not answer the question.

After Jia and Liang 2017, "Adversarial Examples for Evaluating Reading Comprehension Systems"
(AddSent, section 3.3, without its crowd workers): the question's names and numbers become others,
a wrong answer of the right kind is drawn, and both become one declarative sentence.
"""
